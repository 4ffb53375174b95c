//! A hub as a whole: in this process on free ports, and as the program.

mod api;
mod live;
mod pages;
mod program;
mod session;
mod support;
