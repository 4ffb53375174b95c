//! Why a command is not carried out, in words for whoever gave it.

use rapport_domain::port::log::{AppendError, ReadError};
use rapport_domain::{agent, customer, interaction, outreach, policy};

/// A command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no such thing in this tenant.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The moment has passed, or the state does not allow it.
    #[error("{detail}")]
    Rejected {
        /// A stable word for programs.
        code: &'static str,
        /// A sentence for people.
        detail: String,
    },
    /// The request says something that cannot be.
    #[error("{field}: {detail}")]
    Invalid {
        /// Which part of the request.
        field: &'static str,
        /// What is wrong and how to mend it.
        detail: String,
    },
    /// Too many writers at the same thing; try again.
    #[error("busy, try again")]
    Busy,
    /// The log cannot be reached; nothing is known to be stored.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
}

/// The engine cannot start or go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The log cannot be read or written.
    #[error("the event log: {0}")]
    Log(String),
    /// A read model that the start needs cannot be read.
    #[error("the read models: {0}")]
    ReadModel(String),
    /// The set-up contradicts itself.
    #[error("{0}")]
    SetUp(String),
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> Self {
        Self::Log(error.to_string())
    }
}

/// A decision was not reached, or not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExecuteError<R> {
    /// The domain says no.
    Rejected(R),
    /// The thing belongs to another tenant, or does not exist.
    NotFound,
    /// Somebody else was faster, again and again.
    Contended,
    /// The log failed.
    Unavailable(String),
}

impl<R> From<ReadError> for ExecuteError<R> {
    fn from(error: ReadError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl<R> ExecuteError<R> {
    pub(crate) fn from_append(error: &AppendError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A domain rejection, as the API shows it.
pub(crate) trait Rejected {
    fn into_command_error(self) -> CommandError;
}

impl Rejected for interaction::Rejection {
    fn into_command_error(self) -> CommandError {
        let code = match self {
            Self::OfferGone => "offer_gone",
            Self::NotWaiting => "not_waiting",
            Self::NotYours => "not_yours",
            Self::Over => "over",
            Self::StillActive => "still_active",
            Self::Full => "conversation_full",
            Self::BadText => {
                return CommandError::Invalid {
                    field: "text",
                    detail: self.to_string(),
                };
            }
            Self::BadDisposition => {
                return CommandError::Invalid {
                    field: "disposition",
                    detail: self.to_string(),
                };
            }
        };
        CommandError::Rejected {
            code,
            detail: self.to_string(),
        }
    }
}

impl Rejected for agent::Rejection {
    fn into_command_error(self) -> CommandError {
        let code = match self {
            Self::Unknown => return CommandError::NotFound("agent"),
            Self::NotRoutable => "not_routable",
            Self::NoRoom => "no_room",
            Self::NoPhone => "no_phone",
            Self::HasWork => "has_work",
        };
        CommandError::Rejected {
            code,
            detail: self.to_string(),
        }
    }
}

impl Rejected for customer::Rejection {
    fn into_command_error(self) -> CommandError {
        let detail = self.to_string();
        let invalid = |field| CommandError::Invalid {
            field,
            detail: detail.clone(),
        };
        let rejected = |code| CommandError::Rejected {
            code,
            detail: detail.clone(),
        };
        match self {
            Self::Erased => CommandError::erased(),
            Self::NotSaidYet => invalid("consent.stated_at"),
            Self::AgreementOver | Self::RefusalExpires => invalid("consent.expires_at"),
            Self::BlockOver => invalid("do_not_contact.until"),
            Self::NotTrueYet => invalid("facts.as_of"),
            Self::UnknownContactPoint => invalid("preference.contact_point"),
            Self::UnknownComplaint => CommandError::NotFound("complaint"),
            Self::UnknownReview => CommandError::NotFound("review"),
            Self::SamePerson => rejected("same_customer"),
            Self::IsMerged => rejected("customer_merged"),
            Self::HasMerged => rejected("has_merged"),
            Self::MergeRefused => rejected("merge_refused"),
            Self::IsNotMerged => rejected("not_merged"),
            Self::Judged => rejected("already_judged"),
            Self::TooMany => rejected("too_many"),
        }
    }
}

impl Rejected for outreach::Rejection {
    fn into_command_error(self) -> CommandError {
        match self {
            Self::UnknownWish => CommandError::NotFound("wish"),
            Self::NotOnAgenda => CommandError::Rejected {
                code: "not_on_agenda",
                detail: self.to_string(),
            },
            Self::NotDue => CommandError::Rejected {
                code: "not_due",
                detail: self.to_string(),
            },
            Self::Closed => CommandError::erased(),
            Self::HandedOver => CommandError::Busy,
            Self::BeingContacted => CommandError::Rejected {
                code: "contact_open",
                detail: self.to_string(),
            },
            Self::EmptyWindow => CommandError::Invalid {
                field: "expires_at",
                detail: self.to_string(),
            },
            Self::NoSuchLater => CommandError::Invalid {
                field: "not_before",
                detail: self.to_string(),
            },
            Self::BeingSaid => CommandError::Rejected {
                code: "being_said",
                detail: self.to_string(),
            },
            Self::Settled => CommandError::Rejected {
                code: "settled",
                detail: self.to_string(),
            },
            Self::BookFull => CommandError::Rejected {
                code: "book_full",
                detail: self.to_string(),
            },
        }
    }
}

impl Rejected for policy::Rejection {
    fn into_command_error(self) -> CommandError {
        let detail = self.to_string();
        let code = match self {
            Self::UnknownProposal => return CommandError::NotFound("proposal"),
            Self::UnknownVersion => {
                let field = "from_version";
                return CommandError::Invalid { field, detail };
            }
            Self::BadComment => {
                let field = "comment";
                return CommandError::Invalid { field, detail };
            }
            Self::KeyTaken => "key_taken",
            Self::NoChange => "no_change",
            Self::TooMany => "too_many_open",
            Self::OwnProposal => "four_eyes",
            Self::Outdated => "outdated",
            Self::Withdrawn => "withdrawn",
            Self::Released => "released",
        };
        CommandError::Rejected { code, detail }
    }
}

impl Rejected for std::convert::Infallible {
    fn into_command_error(self) -> CommandError {
        match self {}
    }
}

impl<R: Rejected> From<ExecuteError<R>> for CommandError {
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejection.into_command_error(),
            ExecuteError::NotFound => Self::NotFound("thing"),
            ExecuteError::Contended => Self::Busy,
            ExecuteError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl CommandError {
    /// The customer was erased.
    pub(crate) fn erased() -> Self {
        Self::Rejected {
            code: "customer_erased",
            detail: customer::Rejection::Erased.to_string(),
        }
    }

    /// Names the thing that was not found.
    pub(crate) fn naming(self, what: &'static str) -> Self {
        match self {
            Self::NotFound(_) => Self::NotFound(what),
            other => other,
        }
    }
}
