//! Rapport's event-log adapter.
