//! Who people are, their keys, and what is counted of both.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Asks whether the database answers.
    PING: Read "ping" () -> (Integer);

    /// Makes an organization: id, moment.
    ORGANIZATION_INSERT: Write "organization_insert" (Uuid, Time) -> ();
    /// Makes an account: id, organization, address, moment of its verification, name, role, hash, moment.
    USER_INSERT: Write "user_insert" (Uuid, Uuid, Text, Time, Text, Text, Text, Time) -> ();
    /// Finds a person by id.
    USER_BY_ID: Read "user_by_id" (Uuid) -> (Uuid, Uuid, Text, Text, Text, Time, Time);
    /// Finds a person and their hash by id.
    CREDENTIAL_BY_ID: Read "credential_by_id" (Uuid) -> (Uuid, Uuid, Text, Text, Text, Time, Time, Text);
    /// Finds a person and their hash by address.
    CREDENTIAL_BY_EMAIL: Read "credential_by_email" (Text) -> (Uuid, Uuid, Text, Text, Text, Time, Time, Text);

    /// Keeps a session through a password change: id, owner, verified hash, start, end.
    PASSWORD_CHANGE_KEEP: Write "password_change_keep" (Uuid, Uuid, Text, Time, Time) -> (),
        sqlite "password_change_keep.sqlite";
    /// Changes a password: owner, verified hash, new hash, moment.
    PASSWORD_CHANGE: Write "password_change" (Uuid, Text, Text, Time) -> (Uuid);
    /// Ends the other sessions: owner, moment, kept session, new hash.
    PASSWORD_CHANGE_END_OTHERS: Write "password_change_end_others" (Uuid, Time, Uuid, Text) -> ();
    /// Stores a hash of higher cost: owner, old, new.
    PASSWORD_REHASH: Write "password_rehash" (Uuid, Text, Text) -> ();
    /// Remembers a sign-in: who, when.
    SIGN_IN_RECORD: Write "sign_in_record" (Uuid, Time) -> ();

    /// Writes sessions that began: a JSON list of objects with `id`, `user_id`, `refresh_digest` in hexadecimal, `started_at` and `expires_at` as
    /// texts, `started_micros` and `expires_micros` as numbers, `user_agent` and `ip`.
    SESSIONS_OPEN: Write "sessions_open" (Text) -> (), sqlite "sessions_open.sqlite";
    /// Renews by the first token: id, owner, generation, its digest, successor's digest, successor's end, now, what was renewed
    /// after this is within the grace, start, token's end, agent, address.
    SESSION_ROTATE_FIRST: Write "session_rotate_first"
        (Uuid, Uuid, Integer, Bytes, Bytes, Time, Time, Time, Time, Time, Text, Text)
        -> (Integer, Bytes, Bytes, Time, Time, Text, Uuid, Uuid, Text, Text, Text, Time, Time),
        sqlite "session_rotate_first.sqlite";
    /// Renews by a later token: the first eight parameters of [`SESSION_ROTATE_FIRST`].
    SESSION_ROTATE: Write "session_rotate" (Uuid, Uuid, Integer, Bytes, Bytes, Time, Time, Time)
        -> (Integer, Bytes, Bytes, Time, Time, Text, Uuid, Uuid, Text, Text, Text, Time, Time),
        sqlite "session_rotate.sqlite";
    /// Ends a session with or without a row: id, owner, start, end, moment.
    SESSION_REVOKE: Write "session_revoke" (Uuid, Uuid, Time, Time, Time) -> ();
    /// Ends a session with a row: id, owner, moment.
    SESSION_END: Write "session_end" (Uuid, Uuid, Time) -> (Uuid);
    /// Ends a person's sessions without rows: who, moment.
    SESSIONS_END_UNWRITTEN: Write "sessions_end_unwritten" (Uuid, Time) -> ();
    /// Ends a person's sessions with rows: who, moment.
    SESSIONS_END_ALL: Write "sessions_end_all" (Uuid, Time) -> ();
    /// Lists live sessions, newest first: owner, now, place's time, place's id, how many.
    SESSIONS_LIST_DESC: Read "sessions_list_desc" (Uuid, Time, Time, Uuid, Integer) -> (Uuid, Time, Time, Text, Text);
    /// The same, oldest first.
    SESSIONS_LIST_ASC: Read "sessions_list_asc" (Uuid, Time, Time, Uuid, Integer) -> (Uuid, Time, Time, Text, Text);
    /// Deletes sessions past their end: now, how many.
    SESSIONS_PURGE: Write "sessions_purge" (Time, Integer) -> (Integer), sqlite "sessions_purge.sqlite";

    /// Uses up a state: digest, end.
    STATE_USE: Write "state_use" (Bytes, Time) -> (Time);
    /// Deletes states past their time: now, how many.
    USED_STATES_PURGE: Write "used_states_purge" (Time, Integer) -> (Integer), sqlite "used_states_purge.sqlite";
    /// Finds who an identity and an address belong to: provider, subject, address.
    IDENTITY_STANDING: Read "identity_standing" (Text, Text, Text)
        -> (Uuid, Uuid, Text, Text, Text, Time, Time, Uuid, Bool, Bool, Bool);
    /// Links a new account: provider, subject, account, moment.
    IDENTITY_INSERT: Write "identity_insert" (Text, Text, Uuid, Time) -> ();
    /// Links an account, or says whose the identity is: provider, subject, account, moment.
    IDENTITY_LINK: Write "identity_link" (Text, Text, Uuid, Time) -> (Uuid);

    /// Stores a key: id, organization, maker, name, prefix, digest, scopes, instances, end, limit, its window, moment.
    API_KEY_INSERT: Write "api_key_insert"
        (Uuid, Uuid, Uuid, Text, Text, Bytes, Text, Text, Time, Integer, Integer, Time) -> ();
    /// Finds a key: id, organization.
    API_KEY_BY_ID: Read "api_key_by_id" (Uuid, Uuid)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time);
    /// Lists keys, newest first: organization, place's time, place's id, how many.
    API_KEYS_LIST_DESC: Read "api_keys_list_desc" (Uuid, Time, Uuid, Integer)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time);
    /// The same, oldest first.
    API_KEYS_LIST_ASC: Read "api_keys_list_asc" (Uuid, Time, Uuid, Integer)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time);
    /// Changes a key: id, organization, name, scopes, whether the instances change, instances, whether the end changes, end, whether
    /// the limit changes, limit, its window.
    API_KEY_CHANGE: Write "api_key_change"
        (Uuid, Uuid, Text, Text, Bool, Text, Bool, Time, Bool, Integer, Integer)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time, Bytes, Bytes);
    /// Gives a key a new text: id, organization, digest, prefix, end of the old one.
    API_KEY_ROTATE: Write "api_key_rotate" (Uuid, Uuid, Bytes, Text, Time)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time, Bytes, Bytes);
    /// Revokes a key: id, organization, moment.
    API_KEY_REVOKE: Write "api_key_revoke" (Uuid, Uuid, Time) -> (Bytes, Bytes);
    /// Finds a key and its maker: digest.
    API_KEY_BY_DIGEST: Read "api_key_by_digest" (Bytes)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time, Time, Uuid, Uuid, Text, Text, Text, Time, Time);
    /// Says that a batch of uses is added: its id, moment.
    USAGE_BATCH_INSERT: Write "usage_batch_insert" (Uuid, Time) -> ();
    /// Adds uses: a JSON list of objects with `key_id`, `day` since 1970, `uses`, `last_at` as a text and `last_micros` as a number, in the order of
    /// their keys and days.
    KEY_USAGE_ADD: Write "key_usage_add" (Text) -> (), sqlite "key_usage_add.sqlite";
    /// Shows uses by day: key, organization, first day.
    KEY_USAGE_OF: Read "key_usage_of" (Uuid, Uuid, Integer) -> (Integer, Integer);
    /// Deletes names of batches: added until, how many.
    USAGE_BATCHES_PURGE: Write "usage_batches_purge" (Time, Integer) -> (Integer), sqlite "usage_batches_purge.sqlite";

    /// Finds the keys that were used most: first day, last day, how many.
    API_KEYS_MOST_USED: Read "api_keys_most_used" (Integer, Integer, Integer)
        -> (Uuid, Text, Text, Uuid, Text, Text, Bool, Time, Integer, Integer, Time, Time, Uuid, Uuid, Text, Text, Text, Time, Time, Bytes);

    /// Starts an experiment: id, prefix, name, arms, moment.
    CACHE_EXPERIMENT_START: Write "cache_experiment_start" (Uuid, Text, Text, Text, Time) -> ();
    /// Finds an experiment: id.
    CACHE_EXPERIMENT_BY_ID: Read "cache_experiment_by_id" (Uuid) -> (Uuid, Text, Text, Text, Time, Time, Text);
    /// Lists experiments, newest first: place's time, place's id, how many.
    CACHE_EXPERIMENTS_LIST_DESC: Read "cache_experiments_list_desc" (Time, Uuid, Integer)
        -> (Uuid, Text, Text, Text, Time, Time, Text);
    /// The same, oldest first.
    CACHE_EXPERIMENTS_LIST_ASC: Read "cache_experiments_list_asc" (Time, Uuid, Integer)
        -> (Uuid, Text, Text, Text, Time, Time, Text);
    /// Finds what runs and what is adopted.
    CACHE_EXPERIMENTS_IN_FORCE: Read "cache_experiments_in_force" () -> (Uuid, Text, Text, Text, Time, Time, Text);
    /// Takes an experiment's arm out of force: id.
    CACHE_ADOPTION_END: Write "cache_adoption_end" (Uuid) -> ();
    /// Ends an experiment: id, moment.
    CACHE_EXPERIMENT_STOP: Write "cache_experiment_stop" (Uuid, Time) -> (Uuid, Text, Text, Text, Time, Time);
    /// Puts an arm into force: experiment, arm, moment.
    CACHE_ADOPTION_SET: Write "cache_adoption_set" (Uuid, Text, Time) -> ();
    /// Ends the experiment of an arm that was just put into force: the same parameters.
    CACHE_EXPERIMENT_END_ADOPTED: Write "cache_experiment_end_adopted" (Uuid, Text, Time)
        -> (Uuid, Text, Text, Text, Time, Time);
    /// Records what a server saw: a JSON list of objects with `experiment_id`, `arm`, `server`, the members of a tally, `updated_at` as a text and
    /// `updated_micros` as a number.
    CACHE_EXPERIMENT_RESULTS_PUT: Write "cache_experiment_results_put" (Text) -> (), sqlite "cache_experiment_results_put.sqlite";
    /// Adds up what servers saw: experiment.
    CACHE_EXPERIMENT_RESULTS_OF: Read "cache_experiment_results_of" (Uuid)
        -> (Text, Integer, Integer, Integer, Integer, Integer, Text, Text, Text, Text);
}
