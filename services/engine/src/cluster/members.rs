//! The other nodes, as seen from here. Time is this node's own and monotonic: no two clocks are compared.

use core::net::SocketAddr; // a plain value: `core` has no sockets
use std::collections::BTreeMap;
use std::time::Duration;

use rapport_domain::id::{EpochId, NodeId};
use rapport_domain::node::{Announcement, Life, Role};
use tokio::time::Instant;

/// How many renewals of our own must have been read back since another node's last sign of life before its silence
/// counts. After the log itself was away, everybody has been silent: this gives the others time to be heard again.
const OWN_BEATS: u32 = 3;

struct Member {
    life: Life,
    /// None while nothing but the name of the run is known.
    announcement: Option<Announcement>,
    heard: Instant,
    /// Own renewals read back since.
    beats: u32,
    gone: bool,
    stopped: bool,
}

#[derive(Default)]
pub(super) struct Members {
    members: BTreeMap<NodeId, Member>,
}

impl Members {
    /// A sign of life. Answers whether an earlier run of the node was there until now.
    pub fn announced(&mut self, announcement: &Announcement, now: Instant) -> bool {
        let life = announcement.life();
        let before = self.members.insert(
            life.node,
            Member {
                life,
                announcement: Some(announcement.clone()),
                heard: now,
                beats: 0,
                gone: false,
                stopped: false,
            },
        );
        before.is_some_and(|before| before.life != life)
    }

    /// As [`Members::announced`], by a run that repeats what it said. Answers whether that is news.
    pub fn renewed(&mut self, announcement: &Announcement, now: Instant) -> bool {
        let known = self.members.get(&announcement.life().node);
        let news = known.is_none_or(|known| known.announcement.as_ref() != Some(announcement));
        self.announced(announcement, now);
        news
    }

    /// The run is named somewhere, which need not mean that it is there.
    pub fn mentioned(&mut self, life: Life, now: Instant) {
        self.members.entry(life.node).or_insert(Member {
            life,
            announcement: None,
            heard: now,
            beats: 0,
            gone: false,
            stopped: false,
        });
    }

    /// The run has just done something.
    pub fn sign_of(&mut self, life: Life, now: Instant) {
        self.mentioned(life, now);
        if let Some(member) = self.members.get_mut(&life.node)
            && member.life == life
            && !member.stopped
        {
            (member.heard, member.beats, member.gone) = (now, 0, false);
        }
    }

    pub fn stopped(&mut self, node: NodeId, epoch: EpochId) -> bool {
        match self.members.get_mut(&node) {
            Some(member) if member.life.epoch == epoch => {
                (member.gone, member.stopped) = (true, true);
                true
            }
            _ => false,
        }
    }

    pub fn is_gone(&mut self, life: Life, now: Instant) -> bool {
        self.mentioned(life, now);
        self.members
            .get(&life.node)
            .is_some_and(|member| member.life != life || member.gone)
    }

    /// The silence of the others says nothing: we were away ourselves.
    pub fn begin_listening(&mut self, now: Instant) {
        for member in self.members.values_mut() {
            (member.heard, member.beats) = (now, 0);
        }
    }

    /// A renewal of ours that was begun at `sent` has been read back, and everything before it. Answers whether somebody
    /// is newly taken for gone.
    pub fn own_beat(&mut self, sent: Instant, lease: Duration) -> bool {
        let mut newly = false;
        for member in self.members.values_mut().filter(|member| !member.gone) {
            member.beats += 1;
            let silent = sent.saturating_duration_since(member.heard) > lease;
            if silent && member.beats >= OWN_BEATS {
                member.gone = true;
                newly = true;
            }
        }
        newly
    }

    /// When a run was heard last, if it is the node's latest.
    pub fn heard(&self, life: Life) -> Option<Instant> {
        let member = self.members.get(&life.node)?;
        (member.life == life).then_some(member.heard)
    }

    pub fn announcement(&self, life: Life) -> Option<&Announcement> {
        let member = self.members.get(&life.node)?;
        (member.life == life && !member.gone)
            .then_some(member.announcement.as_ref())
            .flatten()
    }

    pub fn with_telephony(&self) -> Vec<Life> {
        let able = |member: &&Member| {
            let has = |node: &Announcement| node.sip.is_some() && node.has(Role::Edge);
            !member.gone && member.announcement.as_ref().is_some_and(has)
        };
        self.members
            .values()
            .filter(able)
            .map(|member| member.life)
            .collect()
    }

    /// Where telephony of the others is reached. One that is silent may come back and finish its calls.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let there = self.members.values().filter(|member| !member.stopped);
        there
            .filter_map(|member| member.announcement.as_ref()?.sip)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const LEASE: Duration = Duration::from_secs(6);

    fn announcement(epoch: u128) -> Announcement {
        Announcement {
            name: "b".to_owned(),
            epoch: EpochId::from_uuid(Uuid::from_u128(epoch)),
            roles: Role::ALL.to_vec(),
            sip: None,
        }
    }

    #[test]
    fn silence_counts_once_the_lease_is_over_and_we_were_there_to_hear_it() {
        let (start, node) = (Instant::now(), announcement(1));
        let mut members = Members::default();
        members.announced(&node, start);
        for second in [2, 4, 6] {
            assert!(!members.own_beat(start + Duration::from_secs(second), LEASE));
        }
        assert!(members.own_beat(start + Duration::from_secs(8), LEASE));
        assert!(members.is_gone(node.life(), start));
        members.sign_of(node.life(), start + Duration::from_secs(9));
        assert!(!members.is_gone(node.life(), start));
    }

    #[test]
    fn after_the_log_was_away_everybody_gets_time_to_be_heard_again() {
        let (start, node) = (Instant::now(), announcement(1));
        let mut members = Members::default();
        members.announced(&node, start);
        assert!(!members.own_beat(start + Duration::from_secs(60), LEASE));
        assert!(!members.own_beat(start + Duration::from_secs(62), LEASE));
        members.announced(&node, start + Duration::from_secs(63));
        assert!(!members.own_beat(start + Duration::from_secs(64), LEASE));
    }

    #[test]
    fn a_newer_run_ends_the_one_before_whatever_that_one_still_does() {
        let now = Instant::now();
        let mut members = Members::default();
        let (first, second) = (announcement(1), announcement(2));
        assert!(!members.announced(&first, now));
        assert!(members.announced(&second, now));
        members.sign_of(first.life(), now);
        assert!(members.is_gone(first.life(), now));
        assert!(!members.is_gone(second.life(), now));
    }
}
