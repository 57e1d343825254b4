"""What a human allows, the judge who applies it, the permits it gives, and the ledger of it all."""
