//! Which events of a branch were there.

/// The last one, and which of the 64 before it were there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    last: u64,
    /// Bit 0 is the one before the last.
    before: u64,
}

/// How an event comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// After all that were there.
    Next,
    /// After some that happened later.
    Late,
    /// A second time, or too late to know.
    Again,
}

impl Seen {
    pub(super) fn first(seq: u64) -> Self {
        Self {
            last: seq,
            before: 0,
        }
    }

    pub(super) fn see(&mut self, seq: u64) -> Order {
        let bit = |distance: u64| {
            let place = u32::try_from(distance).ok()?.checked_sub(1)?;
            1_u64.checked_shl(place)
        };
        if seq > self.last {
            let ahead = seq - self.last;
            let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
            self.before = self.before.checked_shl(shift).unwrap_or(0) | bit(ahead).unwrap_or(0);
            self.last = seq;
            return Order::Next;
        }
        match bit(self.last - seq) {
            Some(bit) if self.before & bit == 0 => {
                self.before |= bit;
                Order::Late
            }
            _ => Order::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_new_once_and_late_ones_are_told_apart() {
        let mut seen = Seen::first(5);
        assert_eq!(seen.see(5), Order::Again);
        assert_eq!(seen.see(3), Order::Late);
        assert_eq!(seen.see(3), Order::Again);
        assert_eq!(seen.see(6), Order::Next);
        assert_eq!(seen.see(5), Order::Again);
        assert_eq!(seen.see(4), Order::Late);
        assert_eq!(seen.see(4), Order::Again);
        assert_eq!(seen.see(3), Order::Again);
    }

    #[test]
    fn what_is_more_than_64_behind_is_over() {
        let mut seen = Seen::first(1);
        assert_eq!(seen.see(100), Order::Next);
        assert_eq!(seen.see(35), Order::Again);
        assert_eq!(seen.see(36), Order::Late);
        assert_eq!(seen.see(164), Order::Next);
        assert_eq!(seen.see(100), Order::Again);
        assert_eq!(seen.see(101), Order::Late);
        assert_eq!(seen.see(u64::MAX), Order::Next);
        assert_eq!(seen.see(u64::MAX), Order::Again);
        assert_eq!(seen.see(1), Order::Again);
        assert_eq!(seen.see(u64::MAX - 64), Order::Late);
    }
}
