//! Writing messages. What is written here parses back to the same message.

use super::{Headers, Message, Request, Response, reason_of};

fn write_headers(out: &mut String, headers: &Headers, body: &[u8]) {
    for header in headers
        .iter()
        .filter(|header| header.name != "Content-Length")
    {
        out.push_str(&header.name);
        out.push_str(": ");
        out.push_str(&header.value);
        out.push_str("\r\n");
    }
    out.push_str("Content-Length: ");
    out.push_str(&body.len().to_string());
    out.push_str("\r\n\r\n");
}

fn finish(head: String, body: &[u8]) -> Vec<u8> {
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Request {
    /// The bytes for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = String::with_capacity(512 + self.body.len());
        head.push_str(&format!("{} {} SIP/2.0\r\n", self.method, self.uri));
        write_headers(&mut head, &self.headers, &self.body);
        finish(head, &self.body)
    }
}

impl Response {
    /// A response of this status with its usual phrase, no headers and no body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            reason: reason_of(status).to_owned(),
            headers: Headers::new(),
            body: Vec::new(),
        }
    }

    /// The bytes for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = String::with_capacity(512 + self.body.len());
        head.push_str(&format!(
            "SIP/2.0 {} {}\r\n",
            self.status,
            self.reason.replace(['\r', '\n'], " ")
        ));
        write_headers(&mut head, &self.headers, &self.body);
        finish(head, &self.body)
    }
}

impl Message {
    /// The bytes for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}
