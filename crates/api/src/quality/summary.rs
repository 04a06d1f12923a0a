//! What other sites embed of a published result: plain words and numbers, no badge, and no overall number.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::NaiveDate;
use domain::kinds::{
    AssessmentMethod, AssessmentState, DimensionOutcome, QualityStandard, SelfAssessment,
    StandardState,
};
use domain::{Content, Entry, EntryKey, Kind, Text};
use http::sign_in::Reader;
use http::{Problem, Query};
use search::Viewer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::State;
use crate::entries::shown::shown;
use crate::entries::{Collection, PathId, read};
use crate::params::language;

/// A published result in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Summary {
    /// The URI of the assessment.
    assessment: String,
    /// What was assessed.
    subject: NamedEntry,
    /// The standard.
    standard: StandardName,
    /// `published`, or `expired`.
    state: AssessmentState,
    /// `self`: by the organisation alone; `self+peer`: another organisation gave its view.
    method: AssessmentMethod,
    /// When it was published.
    published_on: NaiveDate,
    /// The first day on which it is no longer valid.
    valid_until: NaiveDate,
    /// The dimensions, in the standard's order. There is no overall number.
    dimensions: Vec<DimensionSummary>,
    /// What this is not. Show it with the result.
    notice: Text,
}

/// An entry and what it is called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedEntry {
    /// Its URI.
    uri: String,
    /// What it is called, where it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Text>,
}

impl NamedEntry {
    /// The entry of a URI, named where it is here and the viewer may see it.
    pub(crate) fn of(state: &State, viewer: &Viewer, uri: String) -> Self {
        let title = look_up(state, viewer, &uri).map(|entry| entry.content.title());
        Self { uri, title }
    }
}

/// A standard in short.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StandardName {
    /// Its code.
    code: String,
    /// Its version.
    version: String,
    /// What it is called, where it is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Text>,
    /// Whether it was a draft when the result was published.
    is_draft: bool,
}

/// One dimension.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DimensionSummary {
    /// Its id.
    id: String,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Text>,
    /// Whether there is a number: `scored`, `incomplete`, `not_in_scope`.
    outcome: DimensionOutcome,
    /// The mean, as a decimal in text.
    mean: Option<String>,
    /// The level: its code.
    level: Option<String>,
    /// The level in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    level_label: Option<Text>,
    /// Criteria that are asked of this subject.
    in_scope: u16,
    /// Of these, those that do not apply.
    not_applicable: u16,
    /// Of the rest, those that are rated.
    rated: u16,
    /// Whether a low core criterion bounds the level.
    level_bounded: bool,
}

/// Parameters of the summary.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryParams {
    /// The best language for each text.
    lang: Option<String>,
}

/// Read a published result in short, as far as its owner has opened it to the reader.
#[utoipa::path(
    get, path = "/api/v1/self-assessments/{id}/summary", tag = "quality", operation_id = "summarise_assessment",
    params(("id" = String, Path, description = "The assessment; with @ and its node's host for one of another node"), SummaryParams),
    responses((status = 200, description = "The result in short", body = Summary)),
    security((), ("client" = []), ("session" = [])),
)]
pub(crate) async fn summary(
    request: HttpRequest,
    state: web::Data<State>,
    reader: Reader,
    id: PathId,
    params: Query<SummaryParams>,
) -> Result<HttpResponse, Problem> {
    state.at_least(&request).await?;
    let lang = language(params.0.lang.as_deref())?;
    let found = read::find(&state, &reader, Collection(Some(Kind::SelfAssessment)), &id)?;
    let today = state.clock.now().date_naive();
    let json = shown(found.json, found.kind, found.level, today, None);
    let entry = parse(&json)?;
    let Content::SelfAssessment(assessment) = &entry.content else {
        return Err(Problem::not_found());
    };
    let summary = summarise(&state, &reader, &entry, assessment, lang)
        // What is not published has no summary, for its owner neither.
        .ok_or_else(Problem::not_found)?;
    let mut response = HttpResponse::Ok().json(summary);
    reader.caching().apply(response.headers_mut());
    Ok(response)
}

fn parse(json: &[u8]) -> Result<Entry, Problem> {
    std::str::from_utf8(json)
        .ok()
        .and_then(|json| Entry::from_json(json).ok())
        .ok_or_else(|| Problem::internal("an entry of the index that cannot be read"))
}

fn summarise(
    state: &State,
    reader: &Reader,
    entry: &Entry,
    assessment: &SelfAssessment,
    lang: Option<&str>,
) -> Option<Summary> {
    if !assessment.state.is_shown() {
        return None;
    }
    let result = assessment.record.result.as_ref()?;
    let viewer = state.viewer(reader);
    let one = |mut text: Text| {
        if let Some(lang) = lang {
            text.keep_best(lang);
        }
        text
    };
    let standard = look_up(state, &viewer, &assessment.standard.uri(&entry.origin));
    let standard = match standard.map(|entry| entry.content) {
        Some(Content::QualityStandard(standard)) => Some(standard),
        _ => None,
    };
    let levels = standard.as_deref().map(level_labels).unwrap_or_default();
    let dimension = |it: &domain::kinds::DimensionResult| DimensionSummary {
        id: it.id.clone(),
        title: standard
            .iter()
            .flat_map(|standard| &standard.dimensions)
            .find(|dimension| dimension.id == it.id)
            .map(|dimension| one(dimension.title.clone())),
        outcome: it.outcome,
        mean: it.mean.clone(),
        level: it.level.clone(),
        level_label: it
            .level
            .as_ref()
            .and_then(|level| levels.iter().find(|(code, _)| code == level))
            .map(|(_, label)| one(label.clone())),
        in_scope: it.in_scope,
        not_applicable: it.not_applicable,
        rated: it.rated,
        level_bounded: it.level_bounded,
    };
    let mut subject = NamedEntry::of(state, &viewer, assessment.subject.uri(&entry.origin));
    subject.title = subject.title.map(one);
    Some(Summary {
        assessment: entry.uri(),
        subject,
        standard: StandardName {
            code: result.standard_code.clone(),
            version: result.standard_version.clone(),
            title: standard.as_ref().map(|it| one(it.title.clone())),
            is_draft: result.standard_is_draft
                || standard
                    .as_ref()
                    .is_some_and(|it| it.state == StandardState::Draft),
        },
        state: assessment.state,
        method: result.method,
        published_on: result.published_on,
        valid_until: result.valid_until,
        dimensions: result.dimensions.iter().map(dimension).collect(),
        notice: one(standard
            .and_then(|standard| standard.disclaimer)
            .unwrap_or_else(notice)),
    })
}

/// What every result is not, where its standard does not say.
fn notice() -> Text {
    serde_json::from_str(include_str!("notice.json")).unwrap_or_default()
}

fn level_labels(standard: &QualityStandard) -> Vec<(String, Text)> {
    let Ok(parameters) = domain::quality::Parameters::of(standard) else {
        return Vec::new();
    };
    let labelled = parameters.levels.into_iter();
    labelled
        .filter_map(|level| Some((level.code, level.label?)))
        .collect()
}

/// An entry as far as the viewer may see it.
fn look_up(state: &State, viewer: &Viewer, uri: &str) -> Option<Entry> {
    let key = EntryKey::of_uri(uri)?;
    let found = state.index.snapshot().get(&key, viewer)?;
    parse(&found.json).ok()
}
