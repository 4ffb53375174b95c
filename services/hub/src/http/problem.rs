//! Errors as `application/problem+json` (RFC 9457): a stable word in `type`, a sentence in `detail`.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use rapport_engine::{CommandError, EngineError};
use serde_json::json;

use crate::config::Problems;

/// Why a request is not answered with what it asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    field: Option<String>,
    retry_after: Option<u32>,
    allow: Option<&'static str>,
}

impl Problem {
    fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            detail: detail.into(),
            field: None,
            retry_after: None,
            allow: None,
        }
    }

    /// 400: the request cannot be understood at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 401: nobody we know.
    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// 403: known, and not allowed to.
    pub fn forbidden(code: &str, detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 403: this field is not theirs to change.
    pub fn forbidden_field(field: &str, detail: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::forbidden("not_yours", detail)
        }
    }

    /// 404: not there, or another tenant's.
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("There is no such {what}."),
        )
    }

    /// 405 with the methods there are.
    pub fn method(allow: &'static str) -> Self {
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("Use {allow}."),
        );
        Self {
            allow: Some(allow),
            ..problem
        }
    }

    /// 408: the body does not come.
    pub fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "The body did not come in time.",
        )
    }

    /// 409: the moment has passed.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 413: more than we take.
    pub fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("A request body has {most} bytes at most."),
        )
    }

    /// 415: not JSON.
    pub fn media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "Send Content-Type: application/json.",
        )
    }

    /// 422: a wrong value, by the name of its field.
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
        }
    }

    /// The same, of a part of what was sent: `path` leads to it and goes before the field.
    #[must_use]
    pub fn within(mut self, path: &str) -> Self {
        self.field = self.field.map(|field| match field.as_str() {
            "" => path.to_owned(),
            field => format!("{path}.{field}"),
        });
        self
    }

    /// 429: too often.
    pub fn too_many(detail: &str, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", detail)
        }
    }

    /// 503: not now.
    pub fn unavailable(detail: impl Into<String>, retry_after: u32) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    /// 500: our mistake. `why` goes to the log, not to the caller.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        tracing::error!(%why, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The hub made a mistake; its log says more.",
        )
    }

    /// What is answered, as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut body = json!({
            "type": format!("urn:rapport:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(field) = &self.field {
            body["field"] = json!(field);
        }
        body
    }

    /// The status it is answered with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let body = self.to_json();
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT {
            // What may still come is not the next request.
            response.force_close();
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(body.to_string())
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound(what) => Self::not_found(what),
            CommandError::Rejected { code, detail } => Self::conflict(code, detail),
            CommandError::Invalid { field, detail } => Self::invalid(field, detail),
            CommandError::Busy => {
                Self::unavailable("Too many changes of the same thing at the same time.", 1)
            }
            CommandError::Unavailable(why) => {
                tracing::error!(%why, "a command could not be carried out");
                Self::unavailable("The event log cannot be reached.", 5)
            }
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::SetUp(detail) => Self::conflict("set_up", detail),
            EngineError::Log(why) | EngineError::ReadModel(why) => {
                tracing::error!(%why, "set-up could not be changed");
                Self::unavailable("The event log cannot be reached.", 5)
            }
        }
    }
}

impl From<Problems> for Problem {
    /// The first by name, all of them in the detail.
    fn from(problems: Problems) -> Self {
        let field = problems
            .iter()
            .next()
            .map(|problem| problem.path.clone())
            .unwrap_or_default();
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self::invalid(field, lines.join("; "))
    }
}
