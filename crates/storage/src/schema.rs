//! The tables as Diesel sees them. A test compares this file with both live databases.
//!
//! Written by hand: only types that mean the same on SQLite and PostgreSQL, and rows of [`crate::rows`] in this order.

diesel::table! {
    meta (id) {
        id -> BigInt,
        generation -> Text,
        operator -> Nullable<Text>,
        created -> BigInt,
    }
}

diesel::table! {
    counter (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    origin (id) {
        id -> BigInt,
        base_url -> Text,
        is_self -> Bool,
    }
}

diesel::table! {
    entry (origin, id) {
        origin -> BigInt,
        id -> Text,
        kind -> Text,
        owner -> Text,
        version -> BigInt,
        arrival -> BigInt,
        visibility -> Text,
        deleted -> Bool,
        external_id -> Nullable<Text>,
        hash -> BigInt,
        created -> BigInt,
        modified -> BigInt,
        body -> Nullable<Text>,
        review -> Nullable<Text>,
    }
}

diesel::table! {
    entry_reference (source, target) {
        source -> Text,
        target -> Text,
    }
}

diesel::table! {
    revision (arrival) {
        arrival -> BigInt,
        entry -> Text,
        version -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        body -> Nullable<Text>,
    }
}

diesel::table! {
    audit (arrival) {
        arrival -> BigInt,
        at -> BigInt,
        actor -> Text,
        action -> Text,
        subject -> Text,
    }
}

diesel::table! {
    account (id) {
        id -> Text,
        email -> Text,
        email_folded -> Text,
        display -> Text,
        password -> Nullable<Text>,
        disabled -> Bool,
        created -> BigInt,
        modified -> BigInt,
        arrival -> BigInt,
    }
}

diesel::table! {
    membership (account, scope, role) {
        account -> Text,
        scope -> Text,
        role -> Text,
    }
}

diesel::table! {
    client (id) {
        id -> Text,
        organisation -> Text,
        label -> Text,
        role -> Text,
        secret -> Text,
        created -> BigInt,
        revoked -> Nullable<BigInt>,
        arrival -> BigInt,
    }
}

diesel::table! {
    session (token) {
        token -> Text,
        account -> Text,
        created -> BigInt,
        expires -> BigInt,
        revoked -> Nullable<BigInt>,
        arrival -> BigInt,
    }
}

diesel::table! {
    password_reset (token) {
        token -> Text,
        account -> Text,
        created -> BigInt,
        expires -> BigInt,
        used -> Nullable<BigInt>,
    }
}

diesel::table! {
    registration (id) {
        id -> Text,
        state -> Text,
        claim -> Text,
        draft -> Text,
        contact -> Text,
        license_accepted -> BigInt,
        submitted -> BigInt,
        expires -> BigInt,
        decided -> Nullable<BigInt>,
        decided_by -> Nullable<Text>,
        reason -> Nullable<Text>,
        organisation -> Nullable<Text>,
        claimed -> Nullable<BigInt>,
    }
}

diesel::table! {
    correction (id) {
        id -> Text,
        origin -> BigInt,
        entry -> Text,
        message -> Text,
        contact -> Nullable<Text>,
        created -> BigInt,
        state -> Text,
        closed -> Nullable<BigInt>,
        closed_by -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency (subject, key) {
        subject -> Text,
        key -> Text,
        fingerprint -> Text,
        created -> BigInt,
        expires -> BigInt,
        outcome -> Text,
    }
}

diesel::table! {
    node_document (sequence) {
        sequence -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    feed (id) {
        id -> BigInt,
        origin -> BigInt,
        name -> Text,
        epoch -> BigInt,
        seq -> BigInt,
        arrival -> BigInt,
        horizon -> BigInt,
        tree_seq -> BigInt,
        live -> BigInt,
        root -> Text,
        pull -> BigInt,
        pulling -> Bool,
        head -> Nullable<Text>,
        bytes -> BigInt,
    }
}

diesel::table! {
    statement (feed, entry) {
        feed -> BigInt,
        leaf -> BigInt,
        entry -> Text,
        seq -> BigInt,
        live -> Bool,
        hash -> Text,
        state -> Text,
        reason -> Nullable<Text>,
        pull -> BigInt,
        at -> BigInt,
        body -> Nullable<Text>,
    }
}

diesel::table! {
    bucket (feed, number) {
        feed -> BigInt,
        number -> BigInt,
        digest -> Text,
        leaves -> Text,
    }
}

diesel::table! {
    peer (id) {
        id -> BigInt,
        base_url -> Text,
        did -> Text,
        document -> Nullable<Text>,
        pinned -> Bool,
        following -> Text,
        feed -> Text,
        follower -> Text,
        policy -> Text,
        asked -> BigInt,
        decided -> Nullable<BigInt>,
        tried -> Nullable<BigInt>,
        succeeded -> Nullable<BigInt>,
        agreed -> Nullable<BigInt>,
        agreed_seq -> Nullable<BigInt>,
        remote_seq -> Nullable<BigInt>,
        failures -> BigInt,
        error_code -> Nullable<Text>,
        error -> Nullable<Text>,
        error_at -> Nullable<BigInt>,
        sweep -> Nullable<BigInt>,
        sweep_allowed -> Bool,
        seen -> Nullable<BigInt>,
        contested -> Nullable<BigInt>,
        contests -> BigInt,
    }
}

diesel::table! {
    denial (base_url) {
        base_url -> Text,
        arrival -> BigInt,
        at -> BigInt,
    }
}

diesel::table! {
    journal (id) {
        id -> BigInt,
        lines -> BigInt,
        digest -> Text,
        generation -> Text,
    }
}

diesel::table! {
    lease (name) {
        name -> Text,
        holder -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    invitation (token) {
        token -> Text,
        assessment -> Text,
        reviewer -> Text,
        submission -> Text,
        created -> BigInt,
        expires -> BigInt,
        views -> Nullable<Text>,
        closed -> Nullable<BigInt>,
    }
}

diesel::table! {
    distribution (standard) {
        standard -> Text,
        made -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    owner_usage (owner) {
        owner -> Text,
        entries -> BigInt,
        bytes -> BigInt,
    }
}

diesel::joinable!(entry -> origin (origin));
diesel::joinable!(feed -> origin (origin));

diesel::allow_tables_to_appear_in_same_query!(
    meta,
    counter,
    origin,
    entry,
    entry_reference,
    revision,
    audit,
    account,
    membership,
    client,
    session,
    password_reset,
    registration,
    correction,
    idempotency,
    node_document,
    feed,
    statement,
    bucket,
    peer,
    denial,
    journal,
    lease,
    invitation,
    distribution,
    owner_usage,
);
