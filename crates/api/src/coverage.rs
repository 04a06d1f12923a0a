//! Who offers what where: counts over two facets.

use std::io::Write as _;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{BufMut, Bytes, BytesMut};
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

/// Counts over two facets. Pairs that no offer has are left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Coverage {
    /// The facet of the rows.
    #[schema(example = "country")]
    rows: &'static str,
    /// The facet of the columns.
    #[schema(example = "topic")]
    cols: &'static str,
    /// The pairs, by row, then by column.
    cells: Vec<CoverageCell>,
}

/// One pair of values with its counts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CoverageCell {
    /// Value of the row's facet.
    #[schema(example = "XK")]
    row: String,
    /// What people read instead, where a language was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_label: Option<String>,
    /// Value of the column's facet.
    #[schema(example = "visa_entry")]
    col: String,
    /// What people read instead, where a language was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    col_label: Option<String>,
    /// Offers that have both values.
    offers: u64,
    /// Organisations that have at least one such offer.
    organisations: u64,
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
    let is_kept = viewer == Viewer::Public
        && (rows, cols) == (Facet::Country, Facet::Topic)
        && lang.is_none()
        && query == search::Query::default();
    let body = if is_kept {
        snapshot.public_coverage(|matrix| render(matrix, None))
    } else {
        render(
            &snapshot
                .coverage(&query, rows, cols, &viewer)
                .map_err(refused)?,
            lang,
        )
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
    let (rows, cols) = (matrix.rows, matrix.cols);
    if lang.is_none() {
        return render_plain(matrix);
    }
    let labelled = |facet: Facet, value: &str| lang.and_then(|lang| label(facet, value, lang));
    let cells = matrix
        .cells
        .iter()
        .map(|cell| CoverageCell {
            row: cell.row.to_string(),
            row_label: labelled(rows, &cell.row),
            col: cell.col.to_string(),
            col_label: labelled(cols, &cell.col),
            offers: cell.offers,
            organisations: cell.organisations,
        })
        .collect();
    let coverage = Coverage {
        rows: rows.as_str(),
        cols: cols.as_str(),
        cells,
    };
    Bytes::from(serde_json::to_vec(&coverage).unwrap_or_default())
}

/// The same without labels, written straight away: a matrix has thousands of cells.
fn render_plain(matrix: &Matrix) -> Bytes {
    let mut body = BytesMut::with_capacity(64 + matrix.cells.len() * 80).writer();
    // Writing to memory cannot fail.
    let _ = write!(
        body,
        "{{\"rows\":\"{}\",\"cols\":\"{}\",\"cells\":[",
        matrix.rows, matrix.cols
    );
    for (index, cell) in matrix.cells.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let _ = write!(body, "{comma}{{\"row\":");
        let _ = serde_json::to_writer(&mut body, &*cell.row);
        let _ = body.write_all(b",\"col\":");
        let _ = serde_json::to_writer(&mut body, &*cell.col);
        let _ = write!(
            body,
            ",\"offers\":{},\"organisations\":{}}}",
            cell.offers, cell.organisations
        );
    }
    let _ = body.write_all(b"]}");
    body.into_inner().freeze()
}
