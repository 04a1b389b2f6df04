"""What each CI system says in its tokens: one file for each under `presets`, read into one vocabulary."""
