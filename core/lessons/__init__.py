"""Lessons: what a class is shown, asked and told, step by step, written in YAML.

`written` says what a lesson is, `reading` makes one of a text or says on which lines it is wrong, `shelf` knows those that come
with the program and those in a folder of the teacher's.
"""
