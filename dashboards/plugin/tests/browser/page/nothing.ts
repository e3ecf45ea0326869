// What is left of a library that the page does not need.
export default {};
