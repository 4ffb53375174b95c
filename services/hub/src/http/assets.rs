//! The pages, embedded in the program.

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use rapport_domain::channel::Channel;
use rust_embed::{Embed, EmbeddedFile};
use serde::Deserialize;
use serde_json::json;

use super::app::App;
use super::auth::by_trusted_proxy;
use super::problem::Problem;
use super::request::query;
use super::setup::first_site;

#[derive(Embed)]
#[folder = "../web/dist/"]
struct Pages;

/// Names that carry a hash of their content never change.
fn is_hashed(path: &str) -> bool {
    path.starts_with("assets/")
}

/// The chat listener's address as a browser on this page reaches it; `None` when the request does not say where the
/// browser is, in words that can be in a header and in JSON as they are.
fn chat_url(app: &App, req: &HttpRequest) -> Option<String> {
    if let Some(url) = &app.chat.public_url {
        return Some(url.clone());
    }
    let named = |header: header::HeaderName| req.headers().get(header)?.to_str().ok();
    // Anybody can send this one; a proxy we know sends what the browser asked for.
    let forwarded = if by_trusted_proxy(app, req) {
        named(header::HeaderName::from_static("x-forwarded-host"))
    } else {
        None
    };
    let name = host_name(forwarded.or_else(|| named(header::HOST))?)?;
    Some(format!("ws://{name}:{}/", app.chat.port))
}

/// The host without its port; an IPv6 address stays in its brackets. Nothing else passes: what a client sends here ends
/// up in a policy, where a space or a semicolon would mean something.
fn host_name(host: &str) -> Option<&str> {
    let (name, port) = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => (&host[..colon], &host[colon + 1..]),
        _ => (host, ""),
    };
    let plain = match name.strip_prefix('[') {
        Some(v6) => v6
            .strip_suffix(']')
            .is_some_and(|v6| v6.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            (1..=253).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    };
    (plain && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

/// What a page may do. Scripts and styles come from here alone; sockets go to the hub and its chat.
fn policy(app: &App, req: &HttpRequest, ancestors: &str) -> String {
    // Without its address the page may not talk to the chat; everything else of it works.
    let chat = chat_url(app, req).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; media-src 'self'; \
         manifest-src 'self'; connect-src 'self' {chat}; frame-src 'self'; base-uri 'none'; form-action 'self'; \
         frame-ancestors {ancestors}"
    )
}

#[derive(Deserialize)]
struct Site {
    #[serde(default)]
    site: Option<String>,
}

/// The pages that may show the widget of a site: the hub's own, and those the access point names.
fn ancestors(app: &App, req: &HttpRequest) -> String {
    let site = query::<Site>(req).ok().and_then(|query| query.site);
    let directory = app.engine.directory();
    let found = site.and_then(|site| {
        let (_, _, point) = directory.access_point(Channel::Chat, &site)?;
        Some(point.origins.clone())
    });
    match found {
        Some(origins) if origins.iter().any(|origin| origin == "*") => "*".to_owned(),
        Some(origins) => std::iter::once("'self'".to_owned())
            .chain(origins)
            .collect::<Vec<_>>()
            .join(" "),
        None => "'self'".to_owned(),
    }
}

/// Serves a page or a file of one.
pub async fn file(app: web::Data<App>, req: HttpRequest) -> Result<HttpResponse, Problem> {
    if !matches!(*req.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method("GET, HEAD"));
    }
    let path = req.path().trim_start_matches('/');
    let name = match path {
        "" => "index.html",
        "wallboard" => "wallboard.html",
        "policy" => "policy.html",
        "wishes" => "wishes.html",
        other => other,
    };
    // Names come out of the embedded list, so no path leads out of it.
    let Some(file) = Pages::get(name) else {
        return Err(Problem::not_found("page"));
    };
    let tag = format!(
        "\"{}\"",
        file.metadata.sha256_hash()[..16]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    );
    let known = req
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok());
    let mut known = known
        .flat_map(|list| list.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"));
    let mut response = if known.any(|one| one == tag || one == "*") {
        HttpResponse::build(StatusCode::NOT_MODIFIED)
    } else {
        HttpResponse::Ok()
    };
    headers(&mut response, &app, &req, name, &file, &tag);
    Ok(response.body(file.data.into_owned()))
}

fn headers(
    response: &mut HttpResponseBuilder,
    app: &App,
    req: &HttpRequest,
    name: &str,
    file: &EmbeddedFile,
    tag: &str,
) {
    let kind = file.metadata.mimetype();
    let text = kind.starts_with("text/") || kind == "application/javascript";
    response.insert_header((
        header::CONTENT_TYPE,
        if text {
            format!("{kind}; charset=utf-8")
        } else {
            kind.to_owned()
        },
    ));
    response.insert_header((header::ETAG, tag));
    let keep = if is_hashed(name) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response.insert_header((header::CACHE_CONTROL, keep));
    if name.ends_with(".html") {
        let frame = name == "widget/frame.html";
        let ancestors = if frame {
            ancestors(app, req)
        } else {
            "'none'".to_owned()
        };
        response.insert_header((
            header::CONTENT_SECURITY_POLICY,
            policy(app, req, &ancestors),
        ));
    }
    // The loader is a script of other people's pages, and the iframe's files load into one.
    let foreign = name.starts_with("widget/") || is_hashed(name);
    response.insert_header((
        "cross-origin-resource-policy",
        if foreign {
            "cross-origin"
        } else {
            "same-origin"
        },
    ));
}

/// `GET /widget/config.json`: where chat listens, and the site of the page that asks, or the hub's first one.
pub async fn widget_config(app: web::Data<App>, req: HttpRequest) -> Result<HttpResponse, Problem> {
    let asked: Site = query(&req)?;
    let site = asked.site.or_else(|| first_site(&app.engine.directory()));
    let chat = chat_url(&app, &req).ok_or_else(|| Problem::malformed("Host names no host."))?;
    let body = json!({ "chat": chat, "site": site });
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_that_means_something_in_a_policy() {
        for (host, name) in [
            ("hub.example", "hub.example"),
            ("hub.example:8080", "hub.example"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[2001:db8::1]:8080", "[2001:db8::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_name(host), Some(name), "{host}");
        }
        for host in [
            "",
            ":80",
            "a b",
            "a;script-src",
            "a,b",
            "a:80 *",
            "a:x",
            "[::1",
            "[a;b]",
            "*",
            "a'b",
            "user@a",
            "a/b",
            "a:123456",
        ] {
            assert_eq!(host_name(host), None, "{host}");
        }
    }
}
