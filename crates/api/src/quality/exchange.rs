//! Assessments as files: an empty form to print or to fill in, the whole of one, and a filled form taken over.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use domain::kinds::{AssessedSubject, QualityStandard};
use domain::quality::Act;
use domain::{Content, Kind, Violation, codes};
use forms::{Filled, Form, Language, RowError, Unreadable};
use http::conditional::{Caching, IfMatch};
use http::sign_in::Reader;
use http::{Code, Problem, Query, TableBytes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::assessment::{Asking, SelfAssessmentEntry, standard_of, subject};
use super::results::private;
use crate::State;
use crate::entries::write::precondition;
use crate::entries::{Collection, PathId, read};
use crate::params::invalid;

/// The forms of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FileFormat {
    /// A page to print.
    #[default]
    Html,
    /// A spreadsheet.
    Xlsx,
    /// A table as text.
    Csv,
    /// The entry.
    Json,
}

/// Parameters of an empty form.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FormParams {
    /// `html` (a page to print, unless given), `xlsx` or `csv`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    format: FileFormat,
    /// `de`, `en` or `ar`; unless given, what the reader's browser prefers.
    lang: Option<String>,
    /// `organisation` or `offer`: only what is asked of it. Unless given, everything.
    subject: Option<String>,
    /// With `subject=offer`: its phases, separated by commas.
    phase: Option<String>,
}

/// Get an empty form: a page to print, or a spreadsheet to fill in offline and import.
#[utoipa::path(
    get, path = "/api/v1/quality-standards/{id}/form", tag = "quality", operation_id = "get_form",
    params(("id" = String, Path, description = "The standard"), FormParams),
    responses((status = 200, description = "The form", content(
        ("text/html"), ("text/csv"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    ))),
    security((), ("client" = []), ("session" = [])),
)]
pub(crate) async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    reader: Reader,
    id: PathId,
    params: Query<FormParams>,
) -> Result<HttpResponse, Problem> {
    let FormParams {
        format,
        lang,
        subject,
        phase,
    } = params.0;
    let standards = Collection(Some(Kind::QualityStandard));
    let found = read::find(&state, &reader, standards, &id)?;
    let entry = std::str::from_utf8(&found.json)
        .ok()
        .and_then(|json| domain::Entry::from_json(json).ok())
        .ok_or_else(|| Problem::internal("an entry of the index that cannot be read"))?;
    let Content::QualityStandard(standard) = entry.content else {
        return Err(Problem::not_found());
    };
    let subject = subject_of(subject.as_deref(), phase.as_deref())?;
    let form = Form {
        standard: &standard,
        subject: subject.as_ref(),
        answers: &Default::default(),
        improvement_plan: &[],
        lang: language(&request, lang.as_deref())?,
    };
    let name = format!("{}-{}", standard.code, standard.standard_version);
    if format == FileFormat::Json {
        return Err(invalid("format", "expected html, xlsx or csv"));
    }
    file(&form, format, &name, reader.caching())
}

fn subject_of(
    kind: Option<&str>,
    phases: Option<&str>,
) -> Result<Option<AssessedSubject>, Problem> {
    let kind = match kind {
        None if phases.is_none() => return Ok(None),
        Some("offer") => Kind::Offer,
        Some("organisation") if phases.is_none() => Kind::Organisation,
        Some("organisation") | None => {
            return Err(invalid("phase", "phases belong to subject=offer"));
        }
        Some(_) => return Err(invalid("subject", "expected organisation or offer")),
    };
    let phases = phases.into_iter().flat_map(|phases| phases.split(','));
    Ok(Some(AssessedSubject {
        kind,
        phases: phases
            .filter(|phase| !phase.is_empty())
            .map(
                |phase| match domain::vocabulary::label("phase", phase, "en") {
                    Some(_) => Ok(codes::Phase::new(phase)),
                    None => Err(invalid("phase", "expected codes of the list phase")),
                },
            )
            .collect::<Result<_, _>>()?,
    }))
}

/// The language that is asked for, by parameter or by the browser (RFC 9110 section 12.5.4).
fn language(request: &HttpRequest, asked: Option<&str>) -> Result<Language, Problem> {
    if let Some(asked) = asked {
        return Language::for_tag(asked).ok_or_else(|| invalid("lang", "expected de, en or ar"));
    }
    let preferred = request
        .headers()
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let tags = preferred
        .split(',')
        .filter_map(|part| part.split(';').next());
    Ok(tags
        .filter_map(|tag| Language::for_tag(tag.trim()))
        .next()
        .unwrap_or(Language::En))
}

/// Parameters of an assessment as a file.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// `json` (the whole entry), `csv`, `xlsx`, or `html` (a page to print, unless given).
    #[serde(default)]
    #[param(value_type = Option<String>)]
    format: FileFormat,
    /// `de`, `en` or `ar`; unless given, what the reader's browser prefers.
    lang: Option<String>,
}

/// Get the whole assessment as a file, for its owner and coordinators.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/export", tag = "quality", operation_id = "export_assessment",
    params(("id" = String, Path, description = "The assessment"), ExportParams),
    responses((status = 200, description = "The assessment", content(
        (SelfAssessmentEntry = "application/json"), ("text/html"), ("text/csv"), ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    ))),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn export(
    asking: Asking,
    params: Query<ExportParams>,
) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    let assessment = own.assessment()?;
    let name = format!("assessment-{}", own.entry.id);
    if params.0.format == FileFormat::Json {
        let mut response = HttpResponse::Ok()
            .insert_header(read::JSON)
            .insert_header(attachment(&name, "json"))
            .body(own.entry.to_json());
        Caching::Private.apply(response.headers_mut());
        return Ok(response);
    }
    let standard = standard_of(&asking.state, assessment).await?;
    let subject = subject(&asking.state, assessment).await?;
    let form = Form {
        standard: &standard,
        subject: Some(&subject),
        answers: &assessment.answers,
        improvement_plan: &assessment.improvement_plan,
        lang: language(&asking.request, params.0.lang.as_deref())?,
    };
    file(&form, params.0.format, &name, Caching::Private)
}

fn file(
    form: &Form<'_>,
    format: FileFormat,
    name: &str,
    caching: Caching,
) -> Result<HttpResponse, Problem> {
    let failed = |why: forms::FormError| Problem::internal(why.to_string());
    let mut response = HttpResponse::Ok();
    let mut response = match format {
        FileFormat::Html | FileFormat::Json => response
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, forms::page_csp()))
            .insert_header((header::CONTENT_LANGUAGE, form.lang.tag()))
            .body(form.html().map_err(failed)?),
        FileFormat::Csv => response
            .content_type("text/csv; charset=utf-8")
            .insert_header(attachment(name, "csv"))
            .body(form.csv().map_err(failed)?),
        FileFormat::Xlsx => response
            .content_type("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
            .insert_header(attachment(name, "xlsx"))
            .body(form.xlsx().map_err(failed)?),
    };
    caching.apply(response.headers_mut());
    Ok(response)
}

/// `Content-Disposition` (RFC 6266). What a name may not hold is left out.
fn attachment(name: &str, extension: &str) -> (HeaderName, HeaderValue) {
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        .collect();
    let value = format!("attachment; filename=\"{name}.{extension}\"");
    let value = HeaderValue::from_str(&value);
    (
        header::CONTENT_DISPOSITION,
        value.unwrap_or_else(|_| HeaderValue::from_static("attachment")),
    )
}

/// What was taken over from a form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Imported {
    /// Answers in the form.
    answers: usize,
    /// Of these, how many say something else than before.
    changed: usize,
    /// Steps of the plan in the form; `null` where it has no plan.
    actions: Option<usize>,
    /// Columns that were not understood and left out.
    unknown_columns: Vec<String>,
}

/// Take over a form that was filled in offline: a spreadsheet or a table as text.
///
/// All of it or nothing: what is wrong is listed by row and column (`/rows/12/rating`). Rows in which nothing was filled
/// in leave their answers as they are.
#[utoipa::path(
    post, path = "/api/v1/self-assessments/{id}/import", tag = "quality", operation_id = "import_assessment",
    params(("id" = String, Path, description = "The assessment"),
        ("If-Match" = String, Header, description = "The ETag of the assessment as it was when the form was taken away, or * to lay it over whatever stands there")),
    request_body(content(
        (Vec<u8> = "text/csv"), (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    ), description = "The file"),
    responses((status = 200, description = "What was taken over", body = Imported)),
    security(("client" = []), ("session" = [])),
)]
pub(crate) async fn import(
    asking: Asking,
    body: TableBytes<{ forms::FILE_BYTES }>,
) -> Result<HttpResponse, Problem> {
    let own = asking.own().await?;
    let before = own.assessment()?;
    let standard = standard_of(&asking.state, before).await?;
    let filled = read_apart(body.0.clone(), standard.clone()).await?;
    let mut filled = filled.map_err(unreadable)?;
    filled.keep_languages(&before.improvement_plan);
    let imported = Imported {
        answers: filled.answers.len(),
        changed: filled
            .answers
            .iter()
            .filter(|(id, answer)| before.answers.get(*id) != Some(answer))
            .count(),
        actions: filled.improvement_plan.as_ref().map(Vec::len),
        unknown_columns: filled.unknown_columns.clone(),
    };
    let act = Act::Fill {
        answers: filled.answers.clone(),
        improvement_plan: filled.improvement_plan.clone(),
    };
    // A form is filled in for days: whoever lays it over the answers says which it has seen.
    let expected = precondition(IfMatch::of(&asking.request)?.required()?);
    let done = asking.act(act, expected, &body.0).await;
    done.map_err(|problem| by_row(problem, &filled))?;
    Ok(private(imported))
}

/// Reads a file on a thread that may take its time.
async fn read_apart(
    bytes: bytes::Bytes,
    standard: QualityStandard,
) -> Result<Result<Filled, Unreadable>, Problem> {
    web::block(move || forms::read(&bytes, &standard))
        .await
        .map_err(|why| Problem::internal(why.to_string()))
}

fn unreadable(why: Unreadable) -> Problem {
    let violations = match &why {
        Unreadable::Rows(rows) => rows.iter().map(violation).collect(),
        _ => Vec::new(),
    };
    let detail = match &why {
        Unreadable::Rows(_) => "some rows cannot be taken over; nothing was".to_owned(),
        why => format!("{}: {why}", why.code()),
    };
    Problem::new(Code::NotAForm, detail).with_errors(violations)
}

fn violation(row: &RowError) -> Violation {
    Violation {
        pointer: format!("/rows/{}/{}", row.row, row.column),
        code: row.code.into(),
        message: in_cell(row.sheet.as_deref(), row.cell.as_deref(), &row.message),
    }
}

fn in_cell(sheet: Option<&str>, cell: Option<&str>, message: &str) -> String {
    match (sheet, cell) {
        (Some(sheet), Some(cell)) => format!("{sheet}, {cell}: {message}"),
        (None, Some(cell)) => format!("{cell}: {message}"),
        _ => message.to_owned(),
    }
}

/// What the standard does not allow, by the rows of the file.
fn by_row(problem: Problem, filled: &Filled) -> Problem {
    problem.map_errors(|mut violation| {
        if let Some(place) = filled.place_of(&violation.pointer) {
            violation.pointer = format!("/rows/{}/{}", place.row, place.column);
            violation.message = in_cell(
                place.sheet.as_deref(),
                place.cell.as_deref(),
                &violation.message,
            );
        }
        violation
    })
}
