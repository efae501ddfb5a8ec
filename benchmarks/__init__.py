"""What hoist costs, beside peers and plain references that do the same work in the same run; see docs/benchmarks.md."""
