//! What a target should hold, and the plan that leads there. Pure: sorted iterators in, a plan out.
