"""Conversations: sessions on disk, their turns, and the process in which the agent thinks.

`desk.ChatDesk` is the door; it is made when somebody first asks for it.
"""
