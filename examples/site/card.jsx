import evening from "./img/evening.jpg";

// What a page of walks shows of each. Its program knows one alternative text; the others are for `captionkit alt`.
export default function Card({ walk }) {
  return (
    <section>
      <h2>{walk.name}</h2>
      <img
        src={evening}
        width={320}
      />
      <img src="/img/hills.jpg" alt={walk.view} />
      <a href={walk.page}>
        <img src="/img/bullet.png" alt="" /> {walk.name}
      </a>
    </section>
  );
}
