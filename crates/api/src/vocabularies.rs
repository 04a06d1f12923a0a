//! The code lists with their labels, and the names of countries, areas and languages.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use domain::{region, vocabulary};
use http::conditional::{Caching, not_modified, weak};
use http::{Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entries::read::JSON;
use crate::params::invalid;

static ALL: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(serde_json::to_vec(vocabulary::all()).unwrap_or_default()));

/// `GET /vocabularies`: all code lists with their labels in every language that there is.
pub(crate) async fn vocabularies(request: HttpRequest) -> HttpResponse {
    let etag = weak(&vocabulary::all().version);
    let mut response = if not_modified(&request, &etag) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().insert_header(JSON).body(ALL.clone())
    };
    response
        .headers_mut()
        .insert(actix_web::http::header::ETAG, etag);
    Caching::Public.apply(response.headers_mut());
    response
}

/// `GET /vocabularies/{scheme}`: one code list.
pub(crate) async fn code_list(scheme: web::Path<String>) -> Result<HttpResponse, Problem> {
    let list = vocabulary::all()
        .schemes
        .get(scheme.as_str())
        .ok_or_else(Problem::not_found)?;
    let mut response = HttpResponse::Ok().json(list);
    Caching::Public.apply(response.headers_mut());
    Ok(response)
}

/// A name in one language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegionName {
    /// The code.
    #[schema(example = "XK")]
    code: String,
    /// ISO 3166-1 alpha-3, of countries.
    #[serde(skip_serializing_if = "Option::is_none")]
    alpha3: Option<String>,
    /// What it is called in the language asked for.
    #[schema(example = "Kosovo")]
    name: Option<String>,
}

/// Names of regions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Regions {
    /// Countries (ISO 3166-1 alpha-2, and XK).
    countries: Vec<RegionName>,
    /// Areas (UN M49, and EU).
    areas: Vec<RegionName>,
}

/// The language of names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LangParam {
    lang: Option<String>,
}

/// `GET /regions`: countries and areas with their names.
pub(crate) async fn regions(params: Query<LangParam>) -> Result<HttpResponse, Problem> {
    let lang = params.0.lang.unwrap_or_else(|| "en".to_owned());
    if !domain::Lang(lang.clone()).is_valid() {
        return Err(invalid(
            "lang",
            "expected a language tag of BCP 47, such as de",
        ));
    }
    let named = |code: &str| RegionName {
        code: code.to_owned(),
        alpha3: region::alpha3(code).map(str::to_owned),
        name: region::name(code, &lang).map(str::to_owned),
    };
    let regions = Regions {
        countries: region::countries().map(named).collect(),
        areas: region::areas().map(named).collect(),
    };
    let mut response = HttpResponse::Ok().json(regions);
    Caching::Public.apply(response.headers_mut());
    Ok(response)
}
