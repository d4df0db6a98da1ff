"""The report: one page that shows what the folders of a run hold, and figures for papers."""
