//! A writer broken on purpose, for the tests' negative controls. It answers before it commits, commits without waiting for the
//! disk, or believes a commit that its standby has not got. It is compiled only with the feature `fault-injection`, which refuses
//! to be part of a release build. It stays off until the environment turns it on.

#[cfg(not(debug_assertions))]
compile_error!("fault-injection is for tests: it never goes into a release build");

/// Whether this process answers first and commits later.
#[must_use]
pub fn answers_before_commit() -> bool {
    std::env::var("KONTOR_FAULT").is_ok_and(|fault| fault == "answer-before-commit")
}

/// A connection that is as durable as the fault that is awake allows.
pub fn connect(url: &str) -> Result<store::Conn, store::StoreError> {
    let mut conn = store::connect(url)?;
    if std::env::var("KONTOR_FAULT").is_ok_and(|fault| fault == "synchronous-normal") {
        store::connection::commit_before_disk(&mut conn)?;
    }
    Ok(conn)
}

/// How long the commit then lags behind its answers.
pub const LAG: std::time::Duration = std::time::Duration::from_millis(40);

/// A commit that no standby confirms, if that fault is turned on.
pub fn commit(conn: &mut store::Conn) -> Result<(), store::StoreError> {
    if std::env::var("KONTOR_FAULT").is_ok_and(|fault| fault == "believe-the-commit") {
        return store::connection::commit_unconfirmed(conn);
    }
    store::connection::commit_batch(conn)
}
