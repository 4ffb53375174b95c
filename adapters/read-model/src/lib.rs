//! Rapport's read-model adapter.
