import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;

/**
 * A Kafka client driven by lines: each command on standard input is answered by one line on
 * standard output, "ok", "ok VALUE" or "error WHY", once the broker has confirmed it. The first
 * line, "ready", comes unasked. End of input ends the program; consumers then commit and leave.
 */
public class Client {
  private static final long CONFIRM_S = 60;

  private final String bootstrap;
  private final AtomicLong consumed = new AtomicLong();
  private final List<Consuming> consumers = new ArrayList<>();
  private Admin admin;
  private KafkaProducer<byte[], byte[]> producer;

  private Client(String bootstrap) {
    this.bootstrap = bootstrap;
  }

  public static void main(String[] args) throws Exception {
    Client client = new Client(args[0]);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> client.answer(new String[] {"stop"})));
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    System.out.println("ready");
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      System.out.println(client.answer(line.trim().split("\\s+")));
    }
    System.exit(0);
  }

  private String answer(String[] words) {
    try {
      return ("ok " + run(words)).trim();
    } catch (ArrayIndexOutOfBoundsException e) {
      return "error too few words";
    } catch (Exception e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return "error " + cause.toString().replaceAll("\\s+", " ");
    }
  }

  private Object run(String[] words) throws Exception {
    switch (words[0]) {
      case "create":
        return create(words[1], Integer.parseInt(words[2]), Short.parseShort(words[3]));
      case "move":
        return move(
            words[1], Arrays.stream(words).skip(2).map(Integer::valueOf).toList());
      case "delete":
        admin().deleteTopics(List.of(words[1])).all().get(CONFIRM_S, TimeUnit.SECONDS);
        return "";
      case "produce":
        return produce(words[1], Integer.parseInt(words[2]));
      case "stamp":
        return stamp(words);
      case "begin":
        return begin(words[1], Integer.parseInt(words[2]));
      case "commit":
        return commit(words[1], words[2]);
      case "subscribe":
        return subscribe(words[1], words[2], words[3], Long.parseLong(words[4]));
      case "stop":
        return stop();
      case "consumed":
        return consumed.get();
      case "await":
        return await(Long.parseLong(words[1]));
      default:
        throw new IllegalArgumentException("no such command: " + words[0]);
    }
  }

  private Object create(String topic, int partitions, short replicas) throws Exception {
    NewTopic wanted = new NewTopic(topic, partitions, replicas);
    admin().createTopics(List.of(wanted)).all().get(CONFIRM_S, TimeUnit.SECONDS);
    return awaitAll(topic, partitions, p -> p.leader() != null && !p.leader().isEmpty());
  }

  /** The brokers lead in turns afterwards, partition by partition; the others follow. */
  private Object move(String topic, List<Integer> brokers) throws Exception {
    Map<TopicPartition, Optional<NewPartitionReassignment>> plan = new HashMap<>();
    var found = admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    for (TopicPartitionInfo p : found.partitions()) {
      plan.put(
          new TopicPartition(topic, p.partition()),
          Optional.of(new NewPartitionReassignment(inTurn(brokers, p))));
    }
    admin().alterPartitionReassignments(plan).all().get(CONFIRM_S, TimeUnit.SECONDS);
    awaitAll(topic, plan.size(), p -> ids(p.replicas()).equals(inTurn(brokers, p)) && everyone(p));
    admin().electLeaders(ElectionType.PREFERRED, plan.keySet()).partitions().get();
    return awaitAll(topic, plan.size(), p -> p.leader().id() == inTurn(brokers, p).get(0));
  }

  private static List<Integer> inTurn(List<Integer> brokers, TopicPartitionInfo partition) {
    List<Integer> turned = new ArrayList<>(brokers);
    Collections.rotate(turned, -partition.partition());
    return turned;
  }

  private static boolean everyone(TopicPartitionInfo p) {
    return p.leader() != null && p.isr().size() == p.replicas().size();
  }

  private static List<Integer> ids(List<Node> nodes) {
    return nodes.stream().map(Node::id).toList();
  }

  private Object awaitAll(String topic, int partitions, Predicate<TopicPartitionInfo> as)
      throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONFIRM_S);
    while (!every(topic, partitions, as)) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException(topic + " has a partition without the leader it needs");
      }
      Thread.sleep(50);
    }
    return "";
  }

  private boolean every(String topic, int partitions, Predicate<TopicPartitionInfo> as)
      throws Exception {
    try {
      var found = admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic);
      return found.partitions().size() == partitions && found.partitions().stream().allMatch(as);
    } catch (java.util.concurrent.ExecutionException notYetKnown) {
      return false;
    }
  }

  private Object produce(String topic, int count) throws Exception {
    int partitions = producer().partitionsFor(topic).size();
    List<Future<?>> sent = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      byte[] value = ("record " + i).getBytes(StandardCharsets.UTF_8);
      sent.add(producer().send(new ProducerRecord<>(topic, i % partitions, null, value)));
    }
    producer().flush();
    for (Future<?> one : sent) {
      one.get();
    }
    return count;
  }

  /** One record to partition 0 for each time, in ms since the epoch, in a batch of its own. */
  private Object stamp(String[] words) throws Exception {
    for (int i = 2; i < words.length; i++) {
      long time = Long.parseLong(words[i]);
      byte[] value = words[i].getBytes(StandardCharsets.UTF_8);
      producer().send(new ProducerRecord<>(words[1], 0, time, null, value)).get();
    }
    return words.length - 2;
  }

  /** A transaction with records on partition 0, left open for good. */
  private Object begin(String topic, int count) throws Exception {
    Properties settings = producerSettings();
    settings.put("transactional.id", "left-open-" + topic);
    KafkaProducer<byte[], byte[]> transactional = new KafkaProducer<>(settings);
    transactional.initTransactions();
    transactional.beginTransaction();
    for (int i = 0; i < count; i++) {
      transactional.send(new ProducerRecord<>(topic, 0, null, new byte[1])).get();
    }
    return count;
  }

  private Object commit(String group, String topic) {
    try (KafkaConsumer<byte[], byte[]> consumer = consumer(group, "committer")) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (PartitionInfo info : consumer.partitionsFor(topic)) {
        partitions.add(new TopicPartition(topic, info.partition()));
      }
      consumer.assign(partitions);
      Map<TopicPartition, OffsetAndMetadata> ends = new HashMap<>();
      consumer.endOffsets(partitions).forEach((p, end) -> ends.put(p, new OffsetAndMetadata(end)));
      consumer.commitSync(ends);
    }
    return "";
  }

  private Object subscribe(String group, String topic, String clientId, long perSecond)
      throws Exception {
    Consuming consuming = new Consuming(consumer(group, clientId), topic, perSecond);
    consumers.add(consuming);
    consuming.thread.start();
    if (!consuming.assigned.await(CONFIRM_S, TimeUnit.SECONDS)) {
      throw new IllegalStateException("no partition assigned");
    }
    if (consuming.failure != null) {
      throw consuming.failure;
    }
    return "";
  }

  private synchronized Object stop() throws InterruptedException {
    RuntimeException failure = null;
    for (Consuming one : consumers) {
      one.stopping = true;
    }
    for (Consuming one : consumers) {
      one.thread.join();
      failure = one.failure == null ? failure : one.failure;
    }
    consumers.clear();
    if (failure != null) {
      throw failure;
    }
    return "";
  }

  private Object await(long count) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONFIRM_S);
    while (consumed.get() < count) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("consumed " + consumed.get() + " of " + count);
      }
      Thread.sleep(20);
    }
    return consumed.get();
  }

  /** One consumer and its thread: polls, commits after every batch, counts, keeps its pace. */
  private final class Consuming {
    final KafkaConsumer<byte[], byte[]> consumer;
    final CountDownLatch assigned = new CountDownLatch(1);
    final Thread thread = new Thread(this::consume, "consuming");
    volatile boolean stopping;
    volatile RuntimeException failure;

    final long perSecond;

    Consuming(KafkaConsumer<byte[], byte[]> consumer, String topic, long perSecond) {
      this.consumer = consumer;
      this.perSecond = perSecond;
      consumer.subscribe(List.of(topic));
    }

    private void consume() {
      try (consumer) {
        while (!stopping) {
          int count = consumer.poll(Duration.ofMillis(200)).count();
          if (!consumer.assignment().isEmpty()) {
            assigned.countDown();
          }
          if (count > 0) {
            consumer.commitSync();
            consumed.addAndGet(count);
            Thread.sleep(perSecond == 0 ? 0 : count * 1000L / perSecond);
          }
        }
      } catch (RuntimeException e) {
        failure = e;
      } catch (InterruptedException e) {
        failure = new IllegalStateException(e);
      } finally {
        assigned.countDown();
      }
    }
  }

  private Admin admin() {
    if (admin == null) {
      admin = Admin.create(settings());
    }
    return admin;
  }

  private KafkaProducer<byte[], byte[]> producer() {
    if (producer == null) {
      Properties settings = producerSettings();
      settings.put("client.id", "producer");
      producer = new KafkaProducer<>(settings);
    }
    return producer;
  }

  private Properties producerSettings() {
    Properties settings = settings();
    String serializer = "org.apache.kafka.common.serialization.ByteArraySerializer";
    settings.put("key.serializer", serializer);
    settings.put("value.serializer", serializer);
    return settings;
  }

  private KafkaConsumer<byte[], byte[]> consumer(String group, String clientId) {
    Properties settings = settings();
    String deserializer = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
    settings.put("key.deserializer", deserializer);
    settings.put("value.deserializer", deserializer);
    settings.put("client.id", clientId);
    settings.put("group.id", group);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "earliest");
    settings.put("max.poll.records", "100");
    // A member that was killed is waited for as long as this: the shortest a broker allows.
    settings.put("session.timeout.ms", "6000");
    settings.put("heartbeat.interval.ms", "1500");
    return new KafkaConsumer<>(settings);
  }

  private Properties settings() {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    return settings;
  }
}
