"""What can be typed: names, arguments, options and help of every command.

A command imports its handler when called.
"""
