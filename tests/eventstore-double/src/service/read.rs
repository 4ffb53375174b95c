//! Reading pages of a stream or of everything.

use std::sync::Arc;

use tokio::sync::mpsc;
use tonic::{Request, Status};

use super::filter::Filter;
use super::{Answers, Needs, Node, answers, errors, insists, stream_name, wire, wire_uuid};
use crate::log::{Direction, Page, Record};
use wire::ReadResp;
use wire::read_req::options::all_options::AllOption;
use wire::read_req::options::stream_options::RevisionOption;
use wire::read_req::options::{
    CountOption, FilterOption, ReadDirection, StreamOption, uuid_option,
};
use wire::read_resp::read_event::{Position, RecordedEvent};
use wire::read_resp::{Content, ReadEvent, StreamNotFound};

/// Events fetched at a time.
const PAGE: usize = 256;
/// Answers under way to one reader.
pub(super) const UNDER_WAY: usize = 64;

pub(super) type Sender = mpsc::Sender<Result<ReadResp, Status>>;

/// The reader has gone.
pub(super) struct Gone;

/// Sends to a reader.
pub(super) async fn tell(sender: &Sender, content: Content) -> Result<(), Gone> {
    let answer = ReadResp {
        content: Some(content),
    };
    sender.send(Ok(answer)).await.map_err(|_| Gone)
}

/// A read of one stream.
struct StreamRead {
    name: String,
    from: Option<u64>,
    direction: Direction,
    count: u64,
    /// Whether the client understands where a stream begins and ends.
    bounds: bool,
    ids_as_text: bool,
}

/// A read of everything.
struct AllRead {
    /// `None` is the end.
    from: Option<u64>,
    direction: Direction,
    count: u64,
    filter: Filter,
    ids_as_text: bool,
}

impl Node {
    pub(super) async fn begin_read(
        &self,
        request: Request<wire::ReadReq>,
    ) -> Result<Answers<ReadResp>, Status> {
        let insists = insists(request.metadata());
        self.admit(request.metadata(), Needs::User)?;
        let options = request.into_inner().options.unwrap_or_default();
        let ids_as_text = match options.uuid_option.and_then(|option| option.content) {
            Some(uuid_option::Content::String(())) => true,
            Some(uuid_option::Content::Structured(())) => false,
            None => return Err(Status::invalid_argument("the form of ids is missing")),
        };
        let direction = match ReadDirection::try_from(options.read_direction) {
            Ok(ReadDirection::Forwards) => Direction::Forwards,
            Ok(ReadDirection::Backwards) => Direction::Backwards,
            Err(error) => return Err(Status::invalid_argument(error.to_string())),
        };
        let filter = match options.filter_option {
            Some(FilterOption::Filter(filter)) => Filter::parse(filter)?,
            Some(FilterOption::NoFilter(())) => Filter::none(),
            None => return Err(Status::invalid_argument("the filter is missing")),
        };
        self.shared.pace().await;
        self.check_leader(insists)?;
        if self.shared.conduct().fail_reads {
            return Err(errors::not_ready());
        }
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        match (options.stream_option, options.count_option) {
            (Some(StreamOption::Stream(_)), _) if filter.is_set() => {
                return Err(Status::invalid_argument("only everything can be filtered"));
            }
            (Some(StreamOption::Stream(stream)), Some(CountOption::Count(count))) => {
                let from = match stream.revision_option {
                    Some(RevisionOption::Revision(revision)) => Some(revision),
                    Some(RevisionOption::Start(())) => Some(0),
                    Some(RevisionOption::End(())) => None,
                    None => return Err(Status::invalid_argument("where to begin is missing")),
                };
                let read = StreamRead {
                    name: stream_name(stream.stream_identifier)?,
                    from,
                    direction,
                    count,
                    bounds: options.control_option.is_some_and(|c| c.compatibility >= 1),
                    ids_as_text,
                };
                self.shared.count(|seen| seen.reads += 1);
                tokio::spawn(self.clone().read_stream(read, sender));
            }
            (Some(StreamOption::All(all)), Some(CountOption::Count(count))) => {
                let from = match all.all_option {
                    Some(AllOption::Position(position)) => Some(position.commit_position),
                    Some(AllOption::Start(())) => Some(0),
                    Some(AllOption::End(())) => None,
                    None => return Err(Status::invalid_argument("where to begin is missing")),
                };
                let read = AllRead {
                    from,
                    direction,
                    count,
                    filter,
                    ids_as_text,
                };
                self.shared.count(|seen| seen.reads += 1);
                tokio::spawn(self.clone().read_all(read, sender));
            }
            (Some(subject), Some(CountOption::Subscription(_))) => {
                if direction == Direction::Backwards {
                    return Err(Status::invalid_argument("nothing new comes backwards"));
                }
                self.subscribe(subject, filter, ids_as_text, sender)?;
            }
            _ => return Err(Status::invalid_argument("what to read is missing")),
        }
        Ok(answers(receiver))
    }

    async fn read_stream(self, read: StreamRead, sender: Sender) {
        if let Err(status) = self.send_stream(read, &sender).await {
            // A reader that has gone needs no status.
            drop(sender.send(Err(status)).await);
        }
    }

    async fn send_stream(&self, read: StreamRead, sender: &Sender) -> Result<(), Status> {
        let mut from = read.from;
        let mut left = read.count;
        let mut begun = false;
        loop {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(PAGE);
            let page = self
                .shared
                .log()
                .read_stream(&read.name, from, read.direction, most);
            let (events, first, last) = match page {
                Page::Deleted => return Err(errors::stream_deleted(&read.name)),
                Page::Missing => {
                    let stream_identifier = Some(identifier(&read.name));
                    let missing = Content::StreamNotFound(StreamNotFound { stream_identifier });
                    drop(tell(sender, missing).await);
                    return Ok(());
                }
                Page::Found {
                    events,
                    first,
                    last,
                } => (events, first, last),
            };
            let forwards = read.direction == Direction::Forwards;
            if !begun && events.is_empty() && read.bounds && forwards && from != Some(first) {
                drop(tell(sender, Content::FirstStreamPosition(last + 1)).await);
            }
            begun = true;
            left -= events.len() as u64;
            let end = events.last().map(|event| event.revision);
            for event in &events {
                if tell(sender, appeared(event, read.ids_as_text))
                    .await
                    .is_err()
                {
                    return Ok(());
                }
            }
            let next = match read.direction {
                Direction::Forwards => end.map(|end| end + 1).filter(|next| *next <= last),
                Direction::Backwards => end
                    .filter(|end| *end > first)
                    .and_then(|end| end.checked_sub(1)),
            };
            if left == 0 || next.is_none() {
                if read.bounds {
                    drop(tell(sender, Content::LastStreamPosition(last)).await);
                }
                return Ok(());
            }
            from = next;
        }
    }

    async fn read_all(self, read: AllRead, sender: Sender) {
        let Some(start) = self.start(read.from) else {
            drop(sender.send(Err(errors::invalid_position())).await);
            return;
        };
        let mut left = read.count;
        let mut place = start;
        while left > 0 {
            let page = match read.direction {
                Direction::Forwards => self.page(place),
                Direction::Backwards => {
                    let from = place.saturating_sub(PAGE);
                    let mut page = self.page(from);
                    page.truncate(place - from);
                    page.reverse();
                    page
                }
            };
            if page.is_empty() {
                return;
            }
            place = match read.direction {
                Direction::Forwards => place + page.len(),
                Direction::Backwards => place - page.len(),
            };
            for event in page.iter().filter(|event| read.filter.wants(event)) {
                if tell(&sender, appeared(event, read.ids_as_text))
                    .await
                    .is_err()
                {
                    return;
                }
                left -= 1;
                if left == 0 {
                    return;
                }
            }
        }
    }

    /// Place of the first record at or after a position; forwards it is the first to be read, backwards the first that
    /// is not.
    fn start(&self, from: Option<u64>) -> Option<usize> {
        let log = self.shared.log();
        from.map_or(Some(log.len()), |position| log.place(position))
    }

    /// Records from a place on.
    pub(super) fn page(&self, place: usize) -> Vec<Arc<Record>> {
        let log = self.shared.log();
        (place..place + PAGE)
            .map_while(|place| log.at(place).cloned())
            .collect()
    }
}

pub(super) fn identifier(name: &str) -> super::common::StreamIdentifier {
    super::common::StreamIdentifier {
        stream_name: name.to_owned().into(),
    }
}

/// A record as the protocol has it.
pub(super) fn appeared(record: &Record, ids_as_text: bool) -> Content {
    let content_type = if record.json {
        "application/json"
    } else {
        "application/octet-stream"
    };
    let metadata = [
        ("type", record.kind.clone()),
        ("created", record.created.to_string()),
        ("content-type", content_type.to_owned()),
    ];
    let event = RecordedEvent {
        id: Some(wire_uuid(record.id, ids_as_text)),
        stream_identifier: Some(identifier(&record.stream)),
        stream_revision: record.revision,
        prepare_position: record.position,
        commit_position: record.position,
        metadata: metadata
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        custom_metadata: record.metadata.clone(),
        data: record.data.clone(),
    };
    Content::Event(ReadEvent {
        event: Some(event),
        link: None,
        position: Some(Position::CommitPosition(record.position)),
    })
}
