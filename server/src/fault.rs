//! A writer broken on purpose, for the tests' negative control: it answers before it commits. Compiled only with the
//! feature `fault-injection`, which refuses to be part of a release build, and asleep until the environment wakes it.

#[cfg(not(debug_assertions))]
compile_error!("fault-injection is for tests: it never goes into a release build");

/// Whether this process answers first and commits later.
#[must_use]
pub fn answers_before_commit() -> bool {
    std::env::var("KONTOR_FAULT").is_ok_and(|fault| fault == "answer-before-commit")
}

/// How long the commit then lags behind its answers.
pub const LAG: std::time::Duration = std::time::Duration::from_millis(40);
