//! Where streams end: a bounded cache over what the events table says.

use std::collections::HashMap;

use rapport_domain::event::{Revision, Stream};

/// Where one stream ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Its row in `streams`.
    pub(crate) key: i64,
    /// Its last revision; `None` when the row is there and no event.
    pub(crate) last: Option<Revision>,
}

/// The heads of the streams used lately. Two generations: when the young one is full it becomes the old one, and what
/// was not used since then is forgotten; the table still knows.
#[derive(Debug)]
pub(crate) struct Heads {
    young: HashMap<Stream, Head>,
    old: HashMap<Stream, Head>,
    limit: usize,
}

impl Heads {
    /// Remembers at least `limit` streams and at most twice as many.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            limit,
        }
    }

    pub(crate) fn get(&mut self, stream: &Stream) -> Option<Head> {
        if let Some(head) = self.young.get(stream) {
            return Some(*head);
        }
        let head = self.old.remove(stream)?;
        self.put(*stream, head);
        Some(head)
    }

    pub(crate) fn put(&mut self, stream: Stream, head: Head) {
        if self.young.len() >= self.limit && !self.young.contains_key(&stream) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(stream, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_domain::testing::log_contract::stream;

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten() {
        let mut heads = Heads::new(10);
        for number in 0..1_000 {
            heads.put(stream(number), Head { key: 1, last: None });
            assert!(
                heads.get(&stream(0)).is_some(),
                "stream 0 was used all the time"
            );
        }
        assert!(heads.get(&stream(1)).is_none());
        assert!(heads.young.len() + heads.old.len() <= 20);
    }

    #[test]
    fn the_latest_head_of_a_stream_is_given() {
        let mut heads = Heads::new(1);
        for last in 0..5 {
            heads.put(
                stream(0),
                Head {
                    key: 1,
                    last: Some(Revision(last)),
                },
            );
            heads.put(stream(1), Head { key: 2, last: None });
            assert_eq!(
                heads.get(&stream(0)).and_then(|head| head.last),
                Some(Revision(last))
            );
        }
    }
}
