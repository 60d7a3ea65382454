"""The readers of this machine behind an OpenAI-compatible endpoint, for programs and for another machine's pages."""
