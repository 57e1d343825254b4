"""Where the parts meet: one turn, a run and its report; decoders compared on the same shots."""
