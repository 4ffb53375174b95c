//! Rapport's voice adapter.
