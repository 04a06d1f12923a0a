//! One answer at a time: what a form saves while somebody fills it in.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use domain::Precondition;
use domain::kinds::Answer;
use domain::quality::{Act, ExpectedAnswer, answer_tag};
use http::conditional::{Caching, IfMatch, strong};
use http::{Code, JsonBytes, Path, Problem};

use super::assessment::Asking;
use crate::entries::write::ARRIVAL;

/// Bytes of one answer: its comment and its evidence.
const ANSWER_BYTES: usize = 64 * 1024;

/// The criterion in the path, behind the assessment's id.
type Criterion = Path<(String, String)>;

/// Read one answer.
///
/// Its `ETag` is the answer's own, so that several people can work on one assessment at once.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/answers/{criterion}", tag = "quality",
    operation_id = "read_answer",
    params(("id" = String, Path, description = "The assessment"), ("criterion" = String, Path, description = "The criterion's id, such as D1.1")),
    responses((status = 200, description = "The answer", body = Answer)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn read(asking: Asking, path: Criterion) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    let (_, criterion) = path.0;
    let answer = own.assessment()?.answers.get(&criterion);
    let answer = answer
        .ok_or_else(|| Problem::new(Code::NotFound, "this criterion has not been answered yet"))?;
    Ok(shown(answer))
}

/// Save one answer.
///
/// Send the `ETag` of the answer that you have read in `If-Match`, or `If-None-Match: *` for the first one. 412 says that
/// somebody else has changed this very answer; nothing is lost then.
#[utoipa::path(
    put, path = "/api/v1/self-assessments/{id}/answers/{criterion}", tag = "quality",
    operation_id = "save_answer",
    params(("id" = String, Path, description = "The assessment"), ("criterion" = String, Path, description = "The criterion's id, such as D1.1"), ("If-Match" = Option<String>, Header, description = "The ETag of the answer that was read; * for any"), ("If-None-Match" = Option<String>, Header, description = "*: there is no answer yet")),
    request_body = Answer,
    responses((status = 200, description = "The answer as it is kept", body = Answer)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn write(
    asking: Asking,
    path: Criterion,
    body: JsonBytes<ANSWER_BYTES>,
) -> Result<HttpResponse, Problem> {
    let answer: Answer = http::json::parse_checked(&body.0)?;
    let (_, criterion) = path.0;
    let act = Act::Answer {
        criterion,
        answer: Some(answer.clone()),
        expected: expected(&asking)?,
    };
    let applied = asking.act(act, Precondition::None, &body.0).await?;
    let mut response = shown(&answer);
    let arrival = HeaderValue::from(applied.arrival);
    response.headers_mut().insert(ARRIVAL, arrival);
    Ok(response)
}

/// Take one answer out.
#[utoipa::path(
    delete, path = "/api/v1/self-assessments/{id}/answers/{criterion}", tag = "quality",
    operation_id = "remove_answer",
    params(("id" = String, Path, description = "The assessment"), ("criterion" = String, Path, description = "The criterion's id, such as D1.1"), ("If-Match" = Option<String>, Header, description = "The ETag of the answer that was read; * for any"), ("If-None-Match" = Option<String>, Header, description = "*: there is no answer yet")),
    responses((status = 204, description = "It is out")),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn remove(asking: Asking, path: Criterion) -> Result<HttpResponse, Problem> {
    let (_, criterion) = path.0;
    let act = Act::Answer {
        criterion,
        answer: None,
        expected: expected(&asking)?,
    };
    let applied = asking.act(act, Precondition::None, &[]).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((ARRIVAL, HeaderValue::from(applied.arrival)))
        .finish())
}

/// What the writer expects to stand there (RFC 9110 section 13.1.1 and 13.1.2).
fn expected(asking: &Asking) -> Result<ExpectedAnswer, Problem> {
    let none = asking.request.headers().get(header::IF_NONE_MATCH);
    if none.is_some_and(|value| value.as_bytes() == b"*") {
        return Ok(ExpectedAnswer::None);
    }
    match IfMatch::of(&asking.request)? {
        IfMatch::Missing => Err(Problem::new(
            Code::PreconditionRequired,
            "send the ETag of the answer that you have read in If-Match, or If-None-Match: * for a first answer",
        )),
        IfMatch::Any => Ok(ExpectedAnswer::Any),
        IfMatch::Tags(tags) => Ok(ExpectedAnswer::Tags(tags)),
    }
}

fn shown(answer: &Answer) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .insert_header((header::ETAG, strong(&answer_tag(answer))))
        .json(answer);
    Caching::Private.apply(response.headers_mut());
    response
}
