//! Command handlers, loops, process managers and projections of Rapport.
