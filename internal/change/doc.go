// Package change is what requests do to sessions: operations, the state that they work
// on, and how they merge with what others have done meanwhile.
//
// A request keeps its changes as operations, not as the state that they lead to. An
// operation is applied to what the request has loaded, for its handler to see, and
// once more to the newest record when the changes are committed. So the changes of
// concurrent requests do not undo each other, and all there is to say of what happens
// when they meet stands in [Op.Apply].
//
// Everything here is a function of a draft, an operation and the rules of the program:
// no clock, no store, no request. What is stored, as bytes, is package envelope's.
package change
