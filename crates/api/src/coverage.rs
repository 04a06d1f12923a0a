//! Who offers what where: counts over two facets.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use http::conditional::{not_modified, weak};
use http::sign_in::Reader;
use http::{Problem, Query};
use search::{Facet, Matrix, Viewer};
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;
use crate::entries::list::label;
use crate::entries::read::JSON;
use crate::params::{Format, ListParams, facet, invalid, refused};

/// Counts over two facets, row by row. Values that no counted offer has are left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Coverage<'a> {
    rows: CoverageAxis<'a>,
    cols: CoverageAxis<'a>,
    /// For each row a list: for each column, the offers that have both values.
    #[schema(example = json!([[12, 0], [3, 1]]))]
    offers: Vec<&'a [u32]>,
    /// For each row a list: for each column, the organisations that have at least one such offer.
    #[schema(example = json!([[4, 0], [2, 1]]))]
    organisations: Vec<&'a [u32]>,
}

/// The rows or the columns.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverageAxis<'a> {
    /// The facet.
    #[schema(example = "country")]
    facet: &'static str,
    /// Its values, in the order of the counts.
    #[schema(value_type = Vec<String>, example = json!(["AL", "XK"]))]
    values: &'a [Arc<str>],
    /// What people read instead of each value, where a language was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<String>>,
}

/// `GET /coverage`.
pub(crate) async fn coverage(
    request: HttpRequest,
    state: web::Data<State>,
    reader: Reader,
    params: Query<ListParams>,
) -> Result<HttpResponse, Problem> {
    state.at_least(&request).await?;
    let params = params.0;
    if params.sort.is_some()
        || params.cursor.is_some()
        || params.limit.is_some()
        || params.facets.is_some()
    {
        return Err(invalid(
            "sort, limit, cursor, facets",
            "a matrix is not paged",
        ));
    }
    if params.format.is_some_and(|format| format != Format::Json) {
        return Err(invalid("format", "a matrix is given as JSON"));
    }
    let rows = facet("rows", params.rows.as_deref().unwrap_or("country"))?;
    let cols = facet("cols", params.cols.as_deref().unwrap_or("topic"))?;
    if rows == cols {
        return Err(invalid("cols", "rows and columns are two different facets"));
    }
    let lang = params.language()?;
    let query = params.query(&state, None)?;
    let viewer = state.viewer(&reader);
    let snapshot = state.index.snapshot();
    let make = || {
        let matrix = snapshot
            .coverage(&query, rows, cols, &viewer)
            .map_err(refused)?;
        Ok::<_, Problem>(render(&matrix, lang))
    };
    // What everybody may see depends on nothing but the question; and the same few are asked over and over.
    let body = if viewer == Viewer::Public {
        snapshot.remembered(request.query_string(), make)?
    } else {
        make()?
    };
    let etag = weak(&format!("{}-{}", snapshot.arrival(), body.len()));
    let mut response = if not_modified(&request, &etag) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().insert_header(JSON).body(body)
    };
    response
        .headers_mut()
        .insert(actix_web::http::header::ETAG, etag);
    reader.caching().apply(response.headers_mut());
    Ok(response)
}

fn render(matrix: &Matrix, lang: Option<&str>) -> Bytes {
    let axis = |facet: Facet, values| CoverageAxis {
        facet: facet.as_str(),
        values,
        labels: lang.map(|lang| labels(facet, values, lang)),
    };
    // No columns, no rows: a length of nothing cannot be cut into pieces.
    let width = matrix.col_values.len().max(1);
    let coverage = Coverage {
        rows: axis(matrix.rows, &matrix.row_values),
        cols: axis(matrix.cols, &matrix.col_values),
        offers: matrix.offers.chunks(width).collect(),
        organisations: matrix.organisations.chunks(width).collect(),
    };
    Bytes::from(serde_json::to_vec(&coverage).unwrap_or_default())
}

/// What people read instead of the values: the value itself where it has no label.
fn labels(facet: Facet, values: &[Arc<str>], lang: &str) -> Vec<String> {
    values
        .iter()
        .map(|value| label(facet, value, lang).unwrap_or_else(|| value.to_string()))
        .collect()
}
