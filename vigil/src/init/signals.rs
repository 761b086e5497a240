//! SIGTERM, SIGINT and SIGHUP: everything is handed over, and then they do what they did before.
//!
//! A signal handler may do next to nothing, so it wakes a thread that sleeps until then. Libraries
//! for signals call the handler that was there before at once; here it has to wait its turn.

#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::lifetime::Running;
use crate::carrier::Reason;

const SIGNALS: [libc::c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP];
/// To the thread: there is nothing to wait for any more.
const OVER: u8 = 0;

/// Where the handler writes to; below zero while there is nobody to wake.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// The process whose signals these are: a fork has the handler and the socket, and nobody to wake.
static PROCESS: AtomicI32 = AtomicI32::new(0);
/// What the signals did before, for the handler.
static BEFORE: [AtomicPtr<libc::sigaction>; SIGNALS.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; SIGNALS.len()];
/// A signal that has come and is not through: it isn't told again.
static PENDING: [AtomicBool; SIGNALS.len()] = [const { AtomicBool::new(false) }; SIGNALS.len()];

/// The signals are handled until this is dropped.
pub(super) struct Handled {
    /// It stays open: a handler on another thread may be about to write to it.
    wake: &'static UnixStream,
    before: Arc<Mutex<Vec<Before>>>,
}

/// What a signal did before.
struct Before {
    signal: libc::c_int,
    action: libc::sigaction,
}

/// Handles the signals for `running`, but for those that are ignored: they stay ignored.
pub(super) fn handle(running: &Arc<Running>) -> std::io::Result<Handled> {
    let (wake, woken) = UnixStream::pair()?;
    let (wake, mut woken): (&'static UnixStream, &'static UnixStream) =
        (Box::leak(Box::new(wake)), Box::leak(Box::new(woken)));
    let before = Arc::new(Mutex::new(Vec::new()));
    let handled = Handled {
        wake,
        before: Arc::clone(&before),
    };
    let running = Arc::downgrade(running);
    std::thread::Builder::new()
        .name("vigil-signals".to_owned())
        .spawn(move || {
            let mut told = [OVER];
            while woken.read_exact(&mut told).is_ok() && told != [OVER] {
                let Some(running) = running.upgrade() else {
                    break;
                };
                let signal = libc::c_int::from(told[0]);
                let taken = {
                    let before = before.lock().unwrap_or_else(PoisonError::into_inner);
                    let before = before.iter().find(|it| it.signal == signal);
                    before.map(|it| (it.action.sa_sigaction, is_ours(signal)))
                };
                match taken {
                    // The pipeline was ended meanwhile: the signal is for whoever is there now.
                    None => {}
                    // Whoever has put a handler in since decides what becomes of the process.
                    Some((_, false)) => running.flush(),
                    // The system ignores it: the process goes on, perhaps until it is killed.
                    Some((libc::SIG_DFL, true)) if is_first_process() => {
                        running.flush();
                        done(signal);
                        continue;
                    }
                    Some((libc::SIG_DFL, true)) => {
                        running.shutdown(Reason::Terminated, running.bound);
                    }
                    Some((_, true)) => running.interrupt(Reason::Terminated),
                }
                done(signal);
                if taken.is_none() || restore(&before, signal) {
                    // SAFETY: it sends this process a signal that it has got already.
                    unsafe { libc::kill(libc::getpid(), signal) };
                }
            }
        })?;
    WAKE.store(handled.wake.as_raw_fd(), Ordering::SeqCst);
    PROCESS.store(process(), Ordering::SeqCst);
    for (place, signal) in SIGNALS.into_iter().enumerate() {
        let action = current(signal)?;
        if action.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        handled
            .before
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Before { signal, action });
        // It is never freed: a handler on another thread may be about to read it.
        BEFORE[place].store(Box::into_raw(Box::new(action)), Ordering::SeqCst);
        // SAFETY: all zeros is a valid `sigaction`: no flags, an empty mask, the default action.
        let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
        ours.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        // Nobody else should notice: what the signal interrupts goes on.
        ours.sa_flags = libc::SA_RESTART;
        // SAFETY: both point to valid actions or nothing, and the handler only does what a handler
        // may: it writes a byte, or puts back what was there before.
        if unsafe { libc::sigaction(signal, &raw const ours, std::ptr::null_mut()) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(handled)
}

extern "C" fn on_signal(signal: libc::c_int) {
    let Some(place) = SIGNALS.iter().position(|it| *it == signal) else {
        return;
    };
    if process() != PROCESS.load(Ordering::SeqCst) {
        let before = BEFORE[place].load(Ordering::SeqCst);
        // SAFETY: what stands in `BEFORE` is an action that the system gave, and stays. The signal
        // is blocked while this runs, so it comes again after that.
        unsafe {
            if !before.is_null() && libc::sigaction(signal, before, std::ptr::null_mut()) == 0 {
                libc::raise(signal);
            }
        }
        return;
    }
    let wake = WAKE.load(Ordering::SeqCst);
    // One byte for each signal at a time: the socket has room for it, so the write neither waits
    // nor fails.
    if wake >= 0 && !PENDING[place].swap(true, Ordering::SeqCst) {
        let byte = u8::try_from(signal).unwrap_or(OVER);
        // SAFETY: the descriptor is never closed, and the byte lives on.
        unsafe { libc::write(wake, (&raw const byte).cast(), 1) };
    }
}

/// The signal is through: it is told again.
fn done(signal: libc::c_int) {
    if let Some(place) = SIGNALS.iter().position(|it| *it == signal) {
        PENDING[place].store(false, Ordering::SeqCst);
    }
}

fn process() -> libc::pid_t {
    // SAFETY: it only tells.
    unsafe { libc::getpid() }
}

/// Whether the process is the first of its container: no signal ends it by default.
fn is_first_process() -> bool {
    process() == 1
}

fn current(signal: libc::c_int) -> std::io::Result<libc::sigaction> {
    let mut action = MaybeUninit::uninit();
    // SAFETY: it writes an action to where there is room for one.
    if unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: it has written it.
    Ok(unsafe { action.assume_init() })
}

fn is_ours(signal: libc::c_int) -> bool {
    current(signal)
        .is_ok_and(|action| action.sa_sigaction == on_signal as *const () as libc::sighandler_t)
}

/// Lets the signal do what it did before, if nobody else has changed that since. Returns whether it
/// does.
fn restore(before: &Mutex<Vec<Before>>, signal: libc::c_int) -> bool {
    let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(place) = before.iter().position(|it| it.signal == signal) else {
        // The guard has done it meanwhile.
        return true;
    };
    if !is_ours(signal) {
        return false;
    }
    let Before { action, .. } = before.remove(place);
    // SAFETY: the action is one that the system gave.
    unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) == 0 }
}

impl Drop for Handled {
    fn drop(&mut self) {
        for signal in SIGNALS {
            restore(&self.before, signal);
        }
        WAKE.store(-1, Ordering::SeqCst);
        // It fails if the thread is gone.
        let _ = self.wake.write_all(&[OVER]);
    }
}

impl std::fmt::Debug for Handled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handled").finish_non_exhaustive()
    }
}
