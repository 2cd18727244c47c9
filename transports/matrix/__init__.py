"""Matrix: Parley as an application service with a puppet for each speaker, or as one bot."""
