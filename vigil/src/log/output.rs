//! Where lines go.

use std::cell::Cell;
use std::io::{ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// How much room the buffers of a thread keep from one line to the next, in bytes each.
const KEPT: usize = 16 * 1024;

thread_local! {
    /// A line is being written on this thread.
    static WRITING: Cell<bool> = const { Cell::new(false) };
    /// What the thread's last line was made in.
    static BUFFERS: Cell<Buffers> = const { Cell::new(Buffers::new()) };
}

/// Where a line is made. A thread has one, so that a line allocates nothing once it has grown.
#[derive(Default)]
pub(super) struct Buffers {
    /// The line.
    pub(super) line: String,
    /// What comes later in the line than it is met.
    pub(super) aside: String,
}

impl Buffers {
    const fn new() -> Self {
        Self {
            line: String::new(),
            aside: String::new(),
        }
    }

    /// Those of this thread, empty. What is logged while a line is made gets others, and so does what
    /// is logged while the thread ends.
    pub(super) fn take() -> Self {
        BUFFERS.try_with(Cell::take).unwrap_or_default()
    }

    /// Keeps them for the next line.
    pub(super) fn keep(mut self) {
        for buffer in [&mut self.line, &mut self.aside] {
            buffer.clear();
            if buffer.capacity() > KEPT {
                buffer.shrink_to(KEPT);
            }
        }
        let _ = BUFFERS.try_with(|buffers| buffers.set(self));
    }
}

/// Whether a line is being written on this thread: what is logged now, the writer logs.
pub(super) fn is_writing() -> bool {
    WRITING.get()
}

/// A writer that takes a line at a time.
pub(super) struct Output {
    sink: Mutex<Sink>,
    is_stderr: bool,
}

struct Sink {
    writer: Box<dyn Write + Send>,
    /// The last line was not written to its end.
    torn: bool,
}

impl Output {
    pub(super) fn stderr() -> Self {
        Self {
            is_stderr: true,
            ..Self::new(Box::new(std::io::stderr()))
        }
    }

    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            sink: Mutex::new(Sink {
                writer,
                torn: false,
            }),
            is_stderr: false,
        }
    }

    pub(super) fn is_stderr(&self) -> bool {
        self.is_stderr
    }

    /// Writes a line, for which the writer is asked once unless it takes less than all.
    pub(super) fn write(&self, line: &mut String) {
        struct Done;

        impl Drop for Done {
            fn drop(&mut self) {
                WRITING.set(false);
            }
        }

        line.push('\n');
        WRITING.set(true);
        let _done = Done;
        // A writer that panicked may well work the next time.
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.write(line);
    }
}

impl Sink {
    fn write(&mut self, line: &mut String) {
        if self.torn {
            // The rest of the last line never comes: this one does not go on in its place.
            line.insert(0, '\n');
        }
        let mut rest = line.as_bytes();
        while !rest.is_empty() {
            match self.writer.write(rest) {
                Ok(0) => break,
                Ok(written) => {
                    rest = &rest[written.min(rest.len())..];
                    self.torn = !rest.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let _ = self.writer.flush();
    }
}
