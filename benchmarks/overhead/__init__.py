"""What a gateway costs, beside floors and rivals in the same run."""
