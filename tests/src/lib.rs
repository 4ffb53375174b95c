//! Support for the end-to-end journeys.
