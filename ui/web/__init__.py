"""What the pages outside Gradio share: who asks, how a page is made, how errors are told, which requests are refused.

The pages themselves are in `ui.pages`; nothing here knows what a study is.
"""
