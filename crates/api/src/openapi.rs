//! The OpenAPI 3.1 document, and the pages that show it.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpResponse, web};
use domain::{Draft, EachKind, Kind, KindContent, Record, for_each_kind};
use serde_json::{Value, json};
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, OAuth2, Scopes, SecurityRequirement,
    SecurityScheme,
};
use utoipa::openapi::{
    Content, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Schema,
};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};
use utoipa_swagger_ui::SwaggerUi;

use crate::entries::{history, write};
use crate::params::FILTERS;
use crate::{PREFIX, batch, corrections, coverage, partners, quality, vocabularies};

/// What is described where it is written: everything but the paths of entries.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(batch::batch, corrections::report, corrections::list, corrections::close,
        corrections::close_many),
    components(schemas(
        history::History,
        write::HandOver,
        coverage::Coverage,
        vocabularies::Regions,
        domain::vocabulary::Vocabularies,
        domain::vocabulary::CodeList,
        domain::TranslationOrigin,
        http::problem::Document<'static>
    ))
)]
struct Described;

/// The document of this API, with the operations that other crates serve beside it. The same on every node: servers are
/// relative.
#[must_use]
pub fn document(beside: Vec<OpenApi>) -> OpenApi {
    let mut document = Described::openapi();
    document.info = InfoBuilder::new()
        .title("Lotse")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("openapi.md")))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    document.merge(partners::document());
    document.merge(quality::Described::openapi());
    beside.into_iter().for_each(|other| document.merge(other));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("client", client());
    components.add_security_scheme("session", session());
    let mut entries = Entries::default();
    for_each_kind(&mut entries);
    for kind in Kind::ALL {
        entries.paths(*kind);
    }
    entries.across();
    components.schemas.extend(entries.schemas);
    document.paths.paths.extend(entries.paths);
    add_common_answers(&mut document);
    document
}

fn client() -> SecurityScheme {
    let flow = Flow::ClientCredentials(ClientCredentials::new(
        format!("{PREFIX}/token"),
        Scopes::new(),
    ));
    SecurityScheme::OAuth2(OAuth2::with_description(
        [flow],
        "A partner's program: client id and secret give a token of ten minutes.",
    ))
}

fn session() -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        "lotse-session",
        "A person who is signed in (POST /api/v1/sessions).",
    )))
}

/// Gathers what is said of entries.
#[derive(Default)]
struct Entries {
    schemas: BTreeMap<String, RefOr<Schema>>,
    paths: BTreeMap<String, PathItem>,
}

impl EachKind for Entries {
    fn kind<C: KindContent>(&mut self) {
        let name = type_name(C::KIND);
        self.add(format!("{name}Entry"), Record::<C>::schema());
        self.add(format!("{name}Draft"), Draft::<C>::schema());
        self.add(name.clone(), C::schema());
        let mut nested = Vec::new();
        Record::<C>::schemas(&mut nested);
        Draft::<C>::schemas(&mut nested);
        C::schemas(&mut nested);
        self.schemas.extend(nested);
        let items = ArrayBuilder::new().items(reference(&format!("{name}Entry")));
        self.add(format!("{name}List"), list_schema(items.into()));
    }
}

/// `ContactPoint` for `contact-point`.
fn type_name(kind: Kind) -> String {
    kind.as_str()
        .split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}

fn reference(name: &str) -> RefOr<Schema> {
    Ref::from_schema_name(name).into()
}

/// A page of a list.
fn list_schema(items: RefOr<Schema>) -> RefOr<Schema> {
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let count = ObjectBuilder::new()
        .property("value", string())
        .property("count", ObjectBuilder::new().schema_type(Type::Integer))
        .property(
            "label",
            string().description(Some("What people read, where `lang` was asked for.")),
        );
    ObjectBuilder::new()
        .property("items", items)
        .required("items")
        .property("total", ObjectBuilder::new().schema_type(Type::Integer).description(Some("Entries on all pages together.")))
        .required("total")
        .property("next", ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("The `cursor` of the next page; null on the last.")))
        .required("next")
        .property("distances_km", ArrayBuilder::new()
            .items(ObjectBuilder::new().schema_type(Type::Number))
            .description(Some("With `near`: how far each item is, in kilometres.")))
        .property("typos", ObjectBuilder::new().schema_type(Type::Boolean)
            .description(Some("Whether words with one wrong letter were let in, because so little was found without them.")))
        .property("facets", ObjectBuilder::new()
            .additional_properties(Some(RefOr::T(Schema::Array(ArrayBuilder::new().items(count).build()))))
            .description(Some("Counts for each facet asked for, under all filters but its own.")))
        .into()
}

impl Entries {
    fn add(&mut self, name: String, schema: RefOr<Schema>) {
        self.schemas.insert(name, schema);
    }

    fn paths(&mut self, kind: Kind) {
        let (name, tag) = (type_name(kind), kind.collection());
        let base = format!("{PREFIX}/{tag}");
        let operation = |id: &str, summary: &str| {
            OperationBuilder::new()
                .tag(tag)
                .operation_id(Some(format!("{id}_{}", tag.replace('-', "_"))))
                .summary(Some(summary))
        };
        let entry = || json_answer("The entry", &format!("{name}Entry"));
        let draft = || json_body(&format!("{name}Draft"), kind.example(), "application/json");
        let patch = || {
            RequestBodyBuilder::new()
                .required(Some(Required::True))
                .content(
                    "application/merge-patch+json",
                    Content::builder()
                        .schema(Some(ObjectBuilder::new().schema_type(Type::Object)))
                        .example(Some(json!({"status": "paused"})))
                        .build(),
                )
                .build()
        };
        let list = operation("list", "List, search and filter")
            .parameters(Some(list_parameters(false)))
            .response(
                "200",
                with_formats(json_answer("A page", &format!("{name}List"))),
            );
        let create = secured(operation("create", "Write a new one"))
            .parameter(header(
                "Idempotency-Key",
                "Any text; the same key with the same request is done once",
            ))
            .request_body(Some(draft()))
            .response("201", entry());
        let mut item = PathItem::new(HttpMethod::Get, list);
        item.post = Some(create.build());
        self.paths.insert(base.clone(), item);

        let read = operation("read", "Read one")
            .parameter(id(example_id(kind)))
            .parameter(lang())
            .response("200", entry());
        let replace = secured(operation("replace", "Write it anew"))
            .parameter(id(example_id(kind)))
            .parameter(if_match(Required::True))
            .request_body(Some(draft()))
            .response("200", entry());
        let patch = secured(operation(
            "patch",
            "Change parts of it (JSON Merge Patch, RFC 7396)",
        ))
        .parameter(id(example_id(kind)))
        .parameter(if_match(Required::False))
        .request_body(Some(patch()))
        .response("200", entry());
        let delete = secured(operation("delete", "Take it out of the directory"))
            .parameter(id(example_id(kind)))
            .parameter(if_match(Required::False))
            .response(
                "204",
                ResponseBuilder::new().description("It is gone").build(),
            );
        let mut item = PathItem::new(HttpMethod::Get, read);
        item.put = Some(replace.build());
        item.patch = Some(patch.build());
        item.delete = Some(delete.build());
        self.paths.insert(format!("{base}/{{id}}"), item);

        let upsert = secured(operation(
            "upsert",
            "Write the one with your own key, new or not",
        ))
        .parameter(path("external_id", "Your own key for it"))
        .request_body(Some(draft()))
        .response("200", entry())
        .response("201", entry());
        self.paths.insert(
            format!("{base}/by-external-id/{{external_id}}"),
            PathItem::new(HttpMethod::Put, upsert),
        );

        let history = secured(operation(
            "history",
            "Its history, newest first: for its owner and coordinators",
        ))
        .parameter(id(example_id(kind)))
        .parameter(query("before", "Versions before this one", Type::Integer))
        .response("200", json_answer("Its versions", "History"));
        self.paths.insert(
            format!("{base}/{{id}}/history"),
            PathItem::new(HttpMethod::Get, history),
        );

        let purge = secured(operation("purge", "Erase it with all its revisions"))
            .parameter(id(example_id(kind)))
            .response(
                "204",
                ResponseBuilder::new().description("It is erased").build(),
            );
        self.paths.insert(
            format!("{base}/{{id}}/purge"),
            PathItem::new(HttpMethod::Post, purge),
        );

        let hand_over = secured(operation(
            "hand_over",
            "Give it to another owner: for coordinators",
        ))
        .parameter(id(example_id(kind)))
        .request_body(Some(
            RequestBodyBuilder::new()
                .required(Some(Required::True))
                .content(
                    "application/json",
                    Content::new(Some(reference("HandOver"))),
                )
                .build(),
        ))
        .response("200", entry());
        self.paths.insert(
            format!("{base}/{{id}}/owner"),
            PathItem::new(HttpMethod::Put, hand_over),
        );
    }

    /// What is read across kinds.
    fn across(&mut self) {
        let any = utoipa::openapi::schema::OneOfBuilder::new();
        let any = Kind::ALL.iter().fold(any, |any, kind| {
            any.item(reference(&format!("{}Entry", type_name(*kind))))
        });
        self.add("AnyEntry".to_owned(), any.into());
        let items = ArrayBuilder::new().items(reference("AnyEntry"));
        self.add("AnyList".to_owned(), list_schema(items.into()));
        let operation = |tag: &str, id: &str, summary: &str| {
            OperationBuilder::new()
                .tag(tag)
                .operation_id(Some(id))
                .summary(Some(summary))
        };
        let list = operation(
            "entries",
            "list_entries",
            "List, search and filter entries of all kinds",
        )
        .parameters(Some(list_parameters(true)))
        .response("200", with_formats(json_answer("A page", "AnyList")));
        let read = operation("entries", "read_entry", "Read an entry of any kind")
            .parameter(id(example_id(Kind::Offer)))
            .parameter(lang())
            .response("200", json_answer("The entry", "AnyEntry"));
        let coverage = operation(
            "coverage",
            "coverage",
            "Who offers what where: counts of offers and organisations over two facets",
        )
        .parameter(query(
            "rows",
            "The facet of the rows; country unless given",
            Type::String,
        ))
        .parameter(query(
            "cols",
            "The facet of the columns; topic unless given",
            Type::String,
        ))
        .parameters(Some(filters()))
        .parameter(lang())
        .response("200", json_answer("The counts", "Coverage"));
        let vocabularies = operation(
            "vocabularies",
            "vocabularies",
            "All code lists with their labels",
        )
        .response("200", json_answer("The lists", "Vocabularies"));
        let code_list = operation("vocabularies", "code_list", "One code list")
            .parameter(
                ParameterBuilder::from(path("scheme", "Its name"))
                    .example(Some(json!("topic")))
                    .build(),
            )
            .response("200", json_answer("The list", "CodeList"));
        let regions = operation(
            "vocabularies",
            "regions",
            "Countries and areas with their names",
        )
        .parameter(lang())
        .response("200", json_answer("The names", "Regions"));
        for (path, operation) in [
            ("entries", list),
            ("entries/{id}", read),
            ("coverage", coverage),
            ("vocabularies", vocabularies),
            ("vocabularies/{scheme}", code_list),
            ("regions", regions),
        ] {
            self.paths.insert(
                format!("{PREFIX}/{path}"),
                PathItem::new(HttpMethod::Get, operation),
            );
        }
    }
}

/// An entry of the demo directory, so that what is tried out finds something. It has no assessment review.
fn example_id(kind: Kind) -> &'static str {
    match kind {
        Kind::Organisation => "01a2008d-7400-70cc-a2a5-37d326bfbe03",
        Kind::Offer => "01a2008d-7400-7fbf-932d-7ca33da03200",
        Kind::ContactPoint => "01a2008d-7400-71ad-82be-4a896e6f0f49",
        Kind::Pathway => "01a2008d-7400-7c87-a06f-41fd72178e3c",
        Kind::QualityStandard => "01a2008d-7400-769e-97de-22d17401899c",
        Kind::SelfAssessment => "01a2008d-7400-744e-8745-4e44876b5913",
        Kind::Event => "01a2008d-7400-7478-97a5-628bc4ff3848",
        Kind::Publication => "01a2008d-7400-7acc-8dce-513d395b4652",
        Kind::Need => "01a2008d-7400-73e6-b3e6-b928eb883bc6",
        Kind::AssessmentReview => "01a2008d-7400-7000-8000-000000000000",
    }
}

fn secured(operation: OperationBuilder) -> OperationBuilder {
    let none: [&str; 0] = [];
    operation
        .security(SecurityRequirement::new("client", none))
        .security(SecurityRequirement::new("session", none))
}

fn json_answer(description: &str, schema: &str) -> utoipa::openapi::Response {
    ResponseBuilder::new()
        .description(description)
        .content("application/json", Content::new(Some(reference(schema))))
        .build()
}

fn with_formats(mut answer: utoipa::openapi::Response) -> utoipa::openapi::Response {
    let text = ObjectBuilder::new().schema_type(Type::String);
    answer
        .content
        .insert("text/csv".to_owned(), Content::new(Some(text)).into());
    let object = ObjectBuilder::new().schema_type(Type::Object);
    answer.content.insert(
        "application/geo+json".to_owned(),
        Content::new(Some(object)).into(),
    );
    answer
}

fn json_body(
    schema: &str,
    example: &str,
    media_type: &str,
) -> utoipa::openapi::request_body::RequestBody {
    let example: Option<Value> = serde_json::from_str(example).ok();
    RequestBodyBuilder::new()
        .required(Some(Required::True))
        .content(
            media_type,
            Content::builder()
                .schema(Some(reference(schema)))
                .example(example)
                .build(),
        )
        .build()
}

fn parameter(
    name: &str,
    place: ParameterIn,
    required: Required,
    description: &str,
    schema: Type,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(schema)))
        .build()
}

fn query(name: &str, description: &str, schema: Type) -> Parameter {
    parameter(
        name,
        ParameterIn::Query,
        Required::False,
        description,
        schema,
    )
}

fn path(name: &str, description: &str) -> Parameter {
    parameter(
        name,
        ParameterIn::Path,
        Required::True,
        description,
        Type::String,
    )
}

fn header(name: &str, description: &str) -> Parameter {
    parameter(
        name,
        ParameterIn::Header,
        Required::False,
        description,
        Type::String,
    )
}

fn id(example: &str) -> Parameter {
    let parameter = path("id", "Its id; `{id}@{host}` for an entry of another node");
    ParameterBuilder::from(parameter)
        .example(Some(json!(example)))
        .build()
}

fn lang() -> Parameter {
    query(
        "lang",
        "Show each text in this language (BCP 47), or the nearest that there is; its key names the language shown",
        Type::String,
    )
}

fn if_match(required: Required) -> Parameter {
    parameter(
        "If-Match",
        ParameterIn::Header,
        required,
        "The ETag that was read before, so that nobody's change gets lost",
        Type::String,
    )
}

fn filters() -> Vec<Parameter> {
    let mut parameters = vec![query(
        "q",
        "Words to be found: all of them, as they are, as the beginning of a word, or with one wrong letter",
        Type::String,
    )];
    parameters.extend(FILTERS.iter().map(|(name, _, description)| {
        query(
            name,
            &format!("{description}. Several are separated by commas and are alternatives."),
            Type::String,
        )
    }));
    parameters.push(query(
        "verified_since",
        "Verified on this day or later (YYYY-MM-DD)",
        Type::String,
    ));
    parameters.push(query(
        "available_on",
        "There on this day (YYYY-MM-DD)",
        Type::String,
    ));
    parameters.push(query(
        "bbox",
        "With a point in this part of the map: west,south,east,north in degrees",
        Type::String,
    ));
    parameters.push(query(
        "near",
        "With a point near this one: latitude,longitude in degrees",
        Type::String,
    ));
    parameters.push(query(
        "radius",
        "How near, in kilometres; 50 unless given",
        Type::Number,
    ));
    parameters
}

fn list_parameters(across: bool) -> Vec<Parameter> {
    let mut parameters = filters();
    if across {
        parameters.push(query(
            "kind",
            "Kinds of entries, separated by commas",
            Type::String,
        ));
    }
    parameters.push(query("sort", "relevance (with q), distance (with near), name, modified or verified; -modified is newest first", Type::String));
    parameters.push(query(
        "facets",
        "Facets to count, separated by commas",
        Type::String,
    ));
    parameters.push(query(
        "limit",
        "Entries of one page, 1 to 200; 20 unless given. A page of large entries holds fewer: go on while there is a `next`",
        Type::Integer,
    ));
    parameters.push(query(
        "cursor",
        "The `next` of the page before",
        Type::String,
    ));
    parameters.push(query(
        "format",
        "json unless given; csv and geojson give the whole list",
        Type::String,
    ));
    parameters.push(lang());
    parameters
}

/// Every operation can be refused, and says so in the same form.
fn add_common_answers(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let problem = ResponseBuilder::new()
                .description("A problem document (RFC 9457)")
                .content(
                    "application/problem+json",
                    Content::new(Some(reference("Problem"))),
                )
                .build();
            operation
                .responses
                .responses
                .entry("default".to_owned())
                .or_insert(problem.into());
        }
    }
}

/// The document as it is committed and served: pretty, with a line feed at its end.
#[must_use]
pub fn document_json(beside: Vec<OpenApi>) -> String {
    let mut json = document(beside).to_pretty_json().unwrap_or_default();
    json.push('\n');
    json
}

/// `/openapi.json`, which is `json`, and the pages under `/docs`, from files that are part of the program.
pub fn document_routes(cfg: &mut web::ServiceConfig, json: bytes::Bytes) {
    cfg.route(
        "/openapi.json",
        web::get().to(move || {
            let json = json.clone();
            async move {
                HttpResponse::Ok()
                    .content_type("application/json")
                    .body(json)
            }
        }),
    )
    .service(web::redirect("/docs", "/docs/"))
    .service(
        web::scope("/docs")
            // The pages bring their own scripts and styles, and load nothing from elsewhere.
            .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, DOCS_POLICY)))
            .service(
                SwaggerUi::new("/{_:.*}")
                    .config(utoipa_swagger_ui::Config::from("/openapi.json").validator_url("none")),
            ),
    );
}

/// What the pages under `/docs` may load.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";
