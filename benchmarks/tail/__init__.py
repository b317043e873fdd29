"""The tail of the first token: what deadlines and hedging make of a provider that stalls."""
