//! The one table of problem codes: code, status, title.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        /// What went wrong, stable for programs. Status and title follow from it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code that this node can answer with.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// As it stands in the document.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// A short summary, the same for every occurrence (RFC 9457 section 3.1.3).
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the `type` member holds: a reference relative to this node (RFC 9457 section 3.1.1), under which
            /// the code is explained.
            #[must_use]
            pub fn type_uri(self) -> &'static str {
                match self { $(Self::$name => concat!("/problems/", $code),)* }
            }
        }
    };
}

codes! {
    /// The body is not well-formed JSON or not of the expected shape.
    Malformed = BAD_REQUEST, "malformed", "The body cannot be read";
    /// A query parameter that does not exist here.
    UnknownParameter = BAD_REQUEST, "unknown_parameter", "There is no such query parameter";
    /// A query parameter with a value that cannot be used.
    InvalidParameter = BAD_REQUEST, "invalid_parameter", "A query parameter has a value that cannot be used";
    /// An id in the path that is none.
    InvalidId = BAD_REQUEST, "invalid_id", "The id in the path is not a valid one";
    /// A header that cannot be used.
    InvalidHeader = BAD_REQUEST, "invalid_header", "A header has a value that cannot be used";
    /// Anything else about a request that makes no sense.
    BadRequest = BAD_REQUEST, "bad_request", "The request cannot be understood";
    /// Well formed, but something in it is wrong.
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "Something in what was sent is wrong";
    /// Nobody is signed in.
    SignInRequired = UNAUTHORIZED, "sign_in_required", "This needs a sign-in";
    /// The access token is not valid, or no longer.
    InvalidToken = UNAUTHORIZED, "invalid_token", "The token is not valid";
    /// The session has ended.
    SessionEnded = UNAUTHORIZED, "session_ended", "The session has ended";
    /// Wrong e-mail address or password.
    SignInFailed = UNAUTHORIZED, "sign_in_failed", "The sign-in failed";
    /// Another node has to sign this request.
    SignatureRequired = UNAUTHORIZED, "signature_required", "This needs a signature";
    /// The signature of another node does not hold.
    SignatureInvalid = UNAUTHORIZED, "signature_invalid", "The signature does not hold";
    /// Signed in, but not allowed.
    Forbidden = FORBIDDEN, "forbidden", "This is not allowed";
    /// The role does not reach.
    RoleRequired = FORBIDDEN, "role_required", "This needs another role";
    /// A page of another site tried to use the reader's session.
    CrossSite = FORBIDDEN, "cross_site", "A session works from this site only";
    /// Written at another node; only that node changes it.
    ForeignEntry = FORBIDDEN, "foreign_entry", "This entry belongs to another node";
    /// Another node that was not approved.
    NotAFollower = FORBIDDEN, "not_a_follower", "This node has not approved that you follow it";
    /// Nothing of that node is wanted here.
    PeerDenied = FORBIDDEN, "peer_denied", "Nothing of that node is wanted here";
    /// No such thing, or none that the caller may see.
    NotFound = NOT_FOUND, "not_found", "There is no such thing";
    /// The path exists, the method does not.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not know the method";
    /// Nothing that is asked for in `Accept` can be had.
    NotAcceptable = NOT_ACCEPTABLE, "not_acceptable", "There is no such representation";
    /// The body did not arrive in time.
    BodyTooSlow = REQUEST_TIMEOUT, "body_too_slow", "The body took too long to arrive";
    /// What was asked contradicts what is there.
    Conflict = CONFLICT, "conflict", "This contradicts what is there";
    /// What was asked does not fit how things stand with a peer.
    PeerConflict = CONFLICT, "peer_conflict", "This does not fit how things stand with the peer";
    /// A node that came by itself is approved by its fingerprint only.
    FingerprintRequired = UNPROCESSABLE_ENTITY, "fingerprint_required", "This needs the fingerprint that was compared";
    /// Other entries refer to it.
    InUse = CONFLICT, "in_use", "Other entries refer to this one";
    /// Another entry has this `external_id`.
    ExternalIdTaken = CONFLICT, "external_id_taken", "Another entry has this external id";
    /// This id is or was in use.
    IdTaken = CONFLICT, "id_taken", "This id is taken";
    /// Another account has this address.
    EmailTaken = CONFLICT, "email_taken", "Another account has this e-mail address";
    /// Decided before.
    AlreadyDecided = CONFLICT, "already_decided", "This was decided before";
    /// Not approved (yet).
    NotApproved = CONFLICT, "not_approved", "This is not approved";
    /// Claimed before.
    AlreadyClaimed = CONFLICT, "already_claimed", "This was claimed before";
    /// Closed before.
    AlreadyClosed = CONFLICT, "already_closed", "This was closed before";
    /// A one-time token was used before.
    AlreadyUsed = CONFLICT, "already_used", "This works once only";
    /// A one-time token has expired.
    Expired = GONE, "expired", "This has expired";
    /// Deletions since then are no longer told.
    BelowHorizon = GONE, "below_horizon", "Deletions since then are no longer told";
    /// The same idempotency key with another request.
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY, "idempotency_key_reused", "This idempotency key came with another request";
    /// Changed in the meantime.
    PreconditionFailed = PRECONDITION_FAILED, "precondition_failed", "It has changed in the meantime";
    /// `If-Match` is needed here.
    PreconditionRequired = PRECONDITION_REQUIRED, "precondition_required", "This needs If-Match";
    /// Publishing a draft.
    PublishFromDraft = CONFLICT, "publish_from_draft", "A draft cannot be published";
    /// Publishing while a peer looks at it.
    PublishFromInPeerReview = CONFLICT, "publish_from_in_peer_review", "What a peer looks at cannot be published yet";
    /// Publishing what a peer sent back.
    PublishFromReturned = CONFLICT, "publish_from_returned", "What was returned cannot be published";
    /// A step that the state of an assessment does not have.
    NotInThisState = CONFLICT, "not_in_this_state", "There is no such step from this state";
    /// A step that is another role's.
    NotYourStep = FORBIDDEN, "not_your_step", "This step is for another role";
    /// An assessment with gaps.
    AssessmentIncomplete = UNPROCESSABLE_ENTITY, "assessment_incomplete", "Something is missing in the assessment";
    /// Answers to a version of a standard that has been superseded.
    StandardSuperseded = CONFLICT, "standard_superseded", "The standard has been superseded";
    /// Nobody is named who would review.
    NoReviewer = UNPROCESSABLE_ENTITY, "no_reviewer", "Nobody is named who would review";
    /// The reviewer has a part in what is assessed.
    ReviewsItself = CONFLICT, "reviews_itself", "Nobody reviews what it has a part in";
    /// Reviewer and owner belong together.
    ReviewsOwnUmbrella = CONFLICT, "reviews_own_umbrella", "Nobody reviews within its own umbrella";
    /// One funded the other lately.
    FundingRelation = CONFLICT, "funding_relation", "One funded the other lately";
    /// The owner reviewed the reviewer lately.
    MutualReview = CONFLICT, "mutual_review", "The reviewer was reviewed by the owner lately";
    /// There is no such verdict.
    NoVerdict = CONFLICT, "no_verdict", "There is no such verdict";
    /// The verdict comes from somebody who was not asked.
    NotTheReviewer = CONFLICT, "not_the_reviewer", "This organisation was not asked to review";
    /// The verdict is about another submission.
    OtherSubmission = CONFLICT, "other_submission", "The review is about another submission";
    /// Returned without saying why.
    ReturnedWithoutReason = UNPROCESSABLE_ENTITY, "returned_without_reason", "A reason is missing";
    /// A result that is still valid.
    StillValid = CONFLICT, "still_valid", "The result is still valid";
    /// There is no newer result.
    NothingNewer = CONFLICT, "nothing_newer", "There is no newer result";
    /// A file that is no form of a standard.
    NotAForm = UNPROCESSABLE_ENTITY, "not_a_form", "This file is no filled form";
    /// Too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    /// The path or query is too long.
    UriTooLong = URI_TOO_LONG, "uri_too_long", "The address is too long";
    /// Another `Content-Type` is needed.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "This content type cannot be read here";
    /// Too many requests.
    RateLimited = TOO_MANY_REQUESTS, "rate_limited", "Too many requests";
    /// A limit on how many of something there may be.
    LimitReached = FORBIDDEN, "limit_reached", "There are too many of these already";
    /// A mistake in this software.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Something went wrong here";
    /// A peer could not be reached, or said no.
    PeerUnreachable = BAD_GATEWAY, "peer_unreachable", "The peer could not be reached";
    /// What a peer sent is not taken.
    PeerRefused = BAD_GATEWAY, "peer_refused", "What the peer sent is not taken";
    /// The database is away or still starting.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "This is not available at the moment";
    /// The node was asked to end.
    Ending = SERVICE_UNAVAILABLE, "ending", "This node is about to end";
    /// The database is busy.
    Busy = SERVICE_UNAVAILABLE, "busy", "Too much is going on at the moment";
    /// The disk is full.
    StorageFull = INSUFFICIENT_STORAGE, "storage_full", "There is no room left";
    /// This process has not yet heard of what the caller has seen elsewhere.
    Behind = SERVICE_UNAVAILABLE, "behind", "This process has not caught up yet";
    /// It took too long.
    TimeLimit = SERVICE_UNAVAILABLE, "time_limit", "This took too long";
}

impl Code {
    /// The code with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// The code that fits an HTTP status which arose without one.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            401 => Self::SignInRequired,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            405 => Self::MethodNotAllowed,
            406 => Self::NotAcceptable,
            408 => Self::BodyTooSlow,
            409 => Self::Conflict,
            412 => Self::PreconditionFailed,
            413 => Self::BodyTooLarge,
            414 => Self::UriTooLong,
            415 => Self::UnsupportedMediaType,
            429 => Self::RateLimited,
            503 => Self::Unavailable,
            code if code < 500 => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_distinct_and_found_by_name() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert!(code.type_uri().ends_with(code.as_str()));
        }
    }
}
