"""What would make a policy allow: receipts that are supposed, and judged as if they had been recorded."""
