//! Distribution compression: a few points whose averages are those of many.

pub mod halve;
