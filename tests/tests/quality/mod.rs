//! Quality: from the shipped standard to a published result, and what others see of it.

mod answers;
mod cycle;
mod distribution;
mod exchange;
mod refusals;
mod standards;
