"""What an editor shows of a policy that is being written: values only, for any text and any place in it.

`Workshop` holds the open texts and answers for each of them; the modules beside it each answer one kind of question.
A place is an offset into the text, in characters.
"""
