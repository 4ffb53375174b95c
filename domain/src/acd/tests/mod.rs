//! The rules, each as a sentence, and what must hold on any history.

mod blending;
mod capacity;
mod choosing_agents;
mod choosing_items;
mod model;
mod offers;
mod properties;
mod world;
