//! The operator sees the whole business. On both databases.
