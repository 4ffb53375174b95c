//! Rapport's web-chat adapter.
