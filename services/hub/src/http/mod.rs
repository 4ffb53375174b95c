//! The HTTP interface of docs/API.md, the live sockets and the pages.

mod acquaint;
mod amending;
pub mod app;
mod assets;
pub mod attempts;
pub mod auth;
mod customers;
mod desk;
mod desk_live;
mod do_not_contact;
mod erasure;
mod headers;
pub mod health;
pub mod hooks;
mod live;
mod login;
mod policy;
mod pressure;
pub mod problem;
mod projections;
mod request;
mod reviews;
pub mod session;
mod setup;
pub mod trunk_hosts;
pub mod wallboard;
mod webhooks;
mod wishes;

use std::net::TcpListener;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App as Web, HttpServer, Resource, web};

use app::App;
use problem::Problem;

/// Connections held at one time, by every worker.
const MOST_CONNECTIONS: usize = 10_000;

/// A resource that answers other methods with 405 and a problem.
fn resource(path: &str, allow: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<String, _>(Problem::method(allow))
    }))
}

async fn nothing_here() -> Result<String, Problem> {
    Err(Problem::not_found("address"))
}

/// Every address there is.
pub fn routes(config: &mut web::ServiceConfig) {
    let api = web::scope("/api/v1")
        .service(resource("/login", "POST").route(web::post().to(login::login)))
        .service(resource("/logout", "POST").route(web::post().to(login::logout)))
        .service(resource("/me", "GET").route(web::get().to(login::me)))
        .service(resource("/me/presence", "POST").route(web::post().to(desk::presence)))
        .service(resource("/interactions/{id}/accept", "POST").route(web::post().to(desk::accept)))
        .service(
            resource("/interactions/{id}/decline", "POST").route(web::post().to(desk::decline)),
        )
        .service(
            resource("/interactions/{id}/messages", "POST").route(web::post().to(desk::message)),
        )
        .service(resource("/interactions/{id}/end", "POST").route(web::post().to(desk::end)))
        .service(
            resource("/interactions/{id}/wrap-up", "POST").route(web::post().to(desk::wrap_up)),
        )
        .service(
            resource("/interactions/{id}/outcomes", "POST").route(web::post().to(desk::outcome)),
        )
        .service(resource("/desk/live", "GET").route(web::get().to(desk_live::live)))
        .service(resource("/customers", "POST").route(web::post().to(acquaint::acquaint)))
        .service(resource("/customers/search", "POST").route(web::post().to(customers::search)))
        .service(
            resource("/customers/{id}", "GET, PATCH")
                .route(web::get().to(customers::customer))
                .route(web::patch().to(customers::patch)),
        )
        .service(resource("/customers/{id}/erase", "POST").route(web::post().to(erasure::erase)))
        .service(
            resource("/customers/{id}/consent", "GET").route(web::get().to(customers::consent)),
        )
        .service(
            resource("/customers/{id}/facts", "PUT").route(web::put().to(customers::put_facts)),
        )
        .service(
            resource("/customers/{id}/qualification", "POST")
                .route(web::post().to(customers::qualify)),
        )
        .service(
            resource("/customers/{id}/complaints", "POST")
                .route(web::post().to(customers::open_complaint)),
        )
        .service(
            resource("/customers/{id}/complaints/{complaint}/close", "POST")
                .route(web::post().to(customers::close_complaint)),
        )
        .service(resource("/customers/{id}/merge", "POST").route(web::post().to(reviews::merge)))
        .service(
            resource("/customers/{id}/unmerge", "POST").route(web::post().to(reviews::unmerge)),
        )
        .service(
            resource("/reviews", "GET, POST")
                .route(web::get().to(reviews::list))
                .route(web::post().to(reviews::raise)),
        )
        .service(resource("/reviews/{id}", "POST").route(web::post().to(reviews::judge)))
        .service(resource("/do-not-contact", "POST").route(web::post().to(do_not_contact::list)))
        .service(
            resource("/do-not-contact/remove", "POST")
                .route(web::post().to(do_not_contact::remove)),
        )
        .service(
            resource("/do-not-contact/check", "POST").route(web::post().to(do_not_contact::check)),
        )
        .service(
            resource("/customers/{id}/timeline", "GET").route(web::get().to(customers::timeline)),
        )
        .service(
            resource("/customers/{id}/decisions", "GET").route(web::get().to(customers::decisions)),
        )
        .service(
            resource("/customers/{id}/pressure", "GET").route(web::get().to(pressure::pressure)),
        )
        .service(
            resource("/customers/{id}/contacts", "POST").route(web::post().to(pressure::contact)),
        )
        .service(
            resource("/wishes", "GET, POST")
                .route(web::get().to(wishes::wishes))
                .route(web::post().to(wishes::file)),
        )
        .service(resource("/policy", "GET").route(web::get().to(policy::policy)))
        .service(resource("/policy/proposals", "POST").route(web::post().to(policy::propose)))
        .service(
            resource("/policy/proposals/{id}", "DELETE").route(web::delete().to(policy::withdraw)),
        )
        .service(
            resource("/policy/proposals/{id}/release", "POST")
                .route(web::post().to(policy::release)),
        )
        .service(resource("/policy/dry-runs", "POST").route(web::post().to(policy::dry_run)))
        .service(
            resource("/policy/dry-runs/{id}", "GET, DELETE")
                .route(web::get().to(policy::dry_run_now))
                .route(web::delete().to(policy::cancel_dry_run)),
        )
        .service(
            resource("/wishes/{id}", "GET, PATCH")
                .route(web::get().to(wishes::wish))
                .route(web::patch().to(amending::amend)),
        )
        .service(
            resource("/wishes/{id}/withdraw", "POST").route(web::post().to(amending::withdraw)),
        )
        .service(resource("/wishes/{id}/history", "GET").route(web::get().to(amending::history)))
        .service(resource("/wallboard", "GET").route(web::get().to(wallboard::wallboard)))
        .service(resource("/wallboard/live", "GET").route(web::get().to(wallboard::live)))
        .service(
            resource("/hooks/{tenant}/{department}", "POST").route(web::post().to(hooks::receive)),
        )
        .service(resource("/webhooks", "GET").route(web::get().to(webhooks::all)))
        .service(
            resource("/webhooks/{name}/replay", "POST").route(web::post().to(webhooks::replay)),
        )
        .service(resource("/projections", "GET").route(web::get().to(projections::all)))
        .service(resource("/setup", "GET").route(web::get().to(setup::everything)))
        .service(resource("/setup/tenant", "PUT").route(web::put().to(setup::put_tenant)))
        .service(resource("/setup/policy", "PUT").route(web::put().to(setup::put_policy)))
        .service(
            resource("/setup/queues/{name}", "PUT, DELETE")
                .route(web::put().to(setup::put_queue))
                .route(web::delete().to(setup::delete_queue)),
        )
        .service(
            resource("/setup/agents/{name}", "PUT, DELETE")
                .route(web::put().to(setup::put_agent))
                .route(web::delete().to(setup::delete_agent)),
        )
        .service(
            resource("/setup/access-points/{name}", "PUT, DELETE")
                .route(web::put().to(setup::put_access_point))
                .route(web::delete().to(setup::delete_access_point)),
        )
        .default_service(web::to(nothing_here));
    config
        .service(api)
        .service(resource("/health", "GET").route(web::get().to(health::health)))
        .service(resource("/metrics", "GET").route(web::get().to(health::metrics)))
        .service(resource("/widget/config.json", "GET").route(web::get().to(assets::widget_config)))
        .default_service(web::to(assets::file));
}

/// What every node answers, whatever its roles.
fn watching(config: &mut web::ServiceConfig) {
    config
        .service(resource("/health", "GET").route(web::get().to(health::health)))
        .service(resource("/metrics", "GET").route(web::get().to(health::metrics)))
        .default_service(web::to(nothing_here));
}

/// Serves on a socket that is bound already. The server runs once it is polled.
///
/// # Errors
/// When the socket cannot be listened on.
pub fn server(
    app: web::Data<App>,
    listener: TcpListener,
    workers: usize,
) -> std::io::Result<Server> {
    let server = HttpServer::new(move || {
        Web::new()
            .app_data(app.clone())
            .app_data(web::PayloadConfig::new(request::MOST_BYTES))
            .wrap(from_fn(headers::around))
            .configure(if app.api { routes } else { watching })
    })
    .workers(workers)
    .max_connections(MOST_CONNECTIONS)
    .shutdown_timeout(5)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}
