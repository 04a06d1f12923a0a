//! The fixed answers that everything is held against: the same web framework with nothing behind it.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use bytes::Bytes;

/// Serves `/bytes/{n}` for each size given, with one worker, until it is killed.
pub(crate) fn serve(port: u16, sizes: &[usize]) -> Result<()> {
    let sizes = sizes.to_vec();
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            sizes.iter().fold(App::new(), |app, size| {
                let body = body(*size);
                let answer = move || {
                    let body = body.clone();
                    async move {
                        HttpResponse::Ok()
                            .content_type("application/json")
                            .body(body)
                    }
                };
                app.route(&format!("/bytes/{size}"), web::get().to(answer))
            })
        };
        let server = HttpServer::new(app)
            .workers(1)
            .bind(("127.0.0.1", port))
            .context("yardstick")?;
        server.run().await.context("yardstick")
    })
}

/// A JSON string of exactly `size` bytes.
fn body(size: usize) -> Bytes {
    let mut body = vec![b'x'; size.max(2)];
    if let Some(first) = body.first_mut() {
        *first = b'"';
    }
    if let Some(last) = body.last_mut() {
        *last = b'"';
    }
    Bytes::from(body)
}
